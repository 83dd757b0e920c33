package report

import (
	"time"

	"github.com/keybroker/keybroker/lifecycle"
)

// Compared is what an earlier inventory had and this one has not. What appeared since then
// is among the findings.
type Compared struct {
	With time.Time // when the earlier one was taken
	Gone []Gone
}

// Gone is an authorisation or a private key file that is there no more.
type Gone struct {
	Where string `json:"where"`
	Key   string `json:"key"` // name, or fingerprint
}

// Compare adds what is gone since an earlier inventory.
func (r *Report) Compare(with time.Time, places []lifecycle.Place, copies []lifecycle.Copy) {
	r.Compared = &Compared{With: with}
	names := map[string]string{}
	for _, key := range r.Keys {
		names[key.Fingerprint] = key.Name
	}
	add := func(where, fingerprint, comment string) {
		name := names[fingerprint]
		if name == "" {
			name = fingerprint
		}
		if comment != "" && comment != name {
			name += " " + show(comment)
		}
		r.Compared.Gone = append(r.Compared.Gone, Gone{where, name})
	}
	for _, place := range places {
		add(show(place.Account)+"@"+show(place.Host.String())+" "+where(place), place.Fingerprint, place.Comment)
	}
	for _, file := range copies {
		add("private key on "+show(file.Host.String())+": "+show(file.Path), file.Fingerprint, "")
	}
}
