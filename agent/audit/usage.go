package audit

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strings"
	"time"
)

// KeyUsage sums up the allowed signatures of one key, and in which time any would have
// been seen.
type KeyUsage struct {
	First    time.Time  `json:"first,omitzero"` // zero: it was never used
	Last     time.Time  `json:"last,omitzero"`
	Count    int        `json:"count"`
	Hosts    []string   `json:"hosts,omitempty"`    // proved: the name, or the host key's fingerprint if it has none
	Users    []string   `json:"users,omitempty"`    // accounts at the hosts
	Programs []string   `json:"programs,omitempty"` // base names
	Places   []UsePlace `json:"places,omitempty"`   // the last used first
	Watched  []Watch    `json:"watched,omitempty"`  // oldest first
}

// UsePlace sums up the uses of a key at one place.
type UsePlace struct {
	HostKey   string    `json:"host_key,omitempty"` // fingerprint, if the host proved its key
	Host      string    `json:"host,omitempty"`     // its name
	User      string    `json:"user,omitempty"`     // account there
	Namespace string    `json:"namespace,omitempty"`
	First     time.Time `json:"first"`
	Last      time.Time `json:"last"`
	Count     int       `json:"count"`
}

// Usage sums up the log by the key's fingerprint. It reads only what its index does not
// cover. The error names the first unusable lines; the result covers the others.
func Usage(ctx context.Context, dir string) (map[string]KeyUsage, error) {
	parts, err := summarize(ctx, dir)
	if err != nil {
		return nil, err
	}
	all := unbounded()
	for _, p := range parts {
		all.join(&p.sums)
	}
	watched := all.watches(dir)
	usage := make(map[string]KeyUsage, len(all.Keys))
	for fingerprint, k := range all.Keys {
		usage[fingerprint] = k.usage(watched)
	}
	return usage, errors.Join(faultsOf(dir, parts)...)
}

func (k *keySum) usage(watched []Watch) KeyUsage {
	u := KeyUsage{First: k.First, Last: k.Last, Count: k.Count, Watched: within(watched, k.Held)}
	hosts, users := map[string]bool{}, map[string]bool{}
	at := map[UsePlace]span{}
	for w, s := range k.Places {
		if w.Host != "" {
			hosts[w.Name] = true
		}
		if w.Login {
			users[w.User] = true
		}
		p := UsePlace{HostKey: w.Host, Host: w.Name, User: w.User, Namespace: w.Namespace}
		at[p] = at[p].join(s)
	}
	for p, s := range at {
		p.First, p.Last, p.Count = s.First, s.Last, s.Count
		u.Places = append(u.Places, p)
	}
	slices.SortFunc(u.Places, func(a, b UsePlace) int {
		if by := b.Last.Compare(a.Last); by != 0 {
			return by
		}
		return strings.Compare(a.HostKey+a.User+a.Namespace, b.HostKey+b.User+b.Namespace)
	})
	u.Hosts, u.Users = sorted(hosts), sorted(users)
	u.Programs = slices.Sorted(maps.Keys(k.Programs))
	return u
}

func sorted(set map[string]bool) []string {
	delete(set, "")
	return slices.Sorted(maps.Keys(set))
}
