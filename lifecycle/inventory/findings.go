package inventory

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/keybroker/keybroker/lifecycle"
	"github.com/keybroker/keybroker/platform"
)

const (
	// DefaultUnused is how long a door must have been watched without a use to be called unused.
	DefaultUnused = 90 * 24 * time.Hour
	// DefaultMaxAge is the age of an authorisation after which it should be looked at again.
	DefaultMaxAge = 365 * 24 * time.Hour
	// expirySoon is how long before its end a claim is named.
	expirySoon = 14 * 24 * time.Hour
	// maxPause is how long nobody may look: what came and went meanwhile was not seen.
	maxPause = 31 * 24 * time.Hour
)

// Criteria is what findings are judged by.
type Criteria struct {
	Now        time.Time
	Unused     time.Duration // 0: DefaultUnused
	MaxAge     time.Duration // 0: DefaultMaxAge
	Tombstones []lifecycle.Tombstone
	Previous   time.Time // when the inventory before this one was taken; zero: there is none
}

// Findings returns what the facts of an inventory show (docs/lifecycle.md has the rows),
// without what only the readers could see.
func Findings(inv *lifecycle.Inventory, criteria Criteria) []lifecycle.Finding {
	criteria.Unused = cmp.Or(criteria.Unused, DefaultUnused)
	criteria.MaxAge = cmp.Or(criteria.MaxAge, DefaultMaxAge)
	j := &judge{Criteria: criteria, view: newView(inv)}
	for _, key := range inv.Keys {
		j.strength(key)
		j.copies(key)
		j.authorisations(key)
		j.claims(key)
	}
	for _, place := range inv.Places {
		j.restrictions(place)
		j.use(place)
		j.age(place)
	}
	j.unknownCopies()
	j.routes()
	j.chains()
	j.pause()
	j.revenants()
	return j.findings
}

// pause is row 17.
func (j *judge) pause() {
	if j.Previous.IsZero() || j.Now.Sub(j.Previous) <= maxPause {
		return
	}
	j.add(lifecycle.Finding{
		Kind: "not-monitored", Row: 17, Severity: lifecycle.Info,
		What:   fmt.Sprintf("the inventory before this one is of %s: what came and went in the %s since then was not seen", date(j.Previous), days(j.Now.Sub(j.Previous))),
		Remedy: "let a timer take it: systemctl --user enable --now keybroker-inventory.timer (docs/lifecycle.md has the unit)",
	})
}

// judge gathers findings.
type judge struct {
	Criteria
	*view
	findings []lifecycle.Finding
}

func (j *judge) add(f lifecycle.Finding) { j.findings = append(j.findings, f) }

// Sort puts the gravest findings first, and those of one row together.
func Sort(findings []lifecycle.Finding) {
	slices.SortStableFunc(findings, func(a, b lifecycle.Finding) int {
		return cmp.Or(cmp.Compare(b.Severity, a.Severity), cmp.Compare(a.Row, b.Row), strings.Compare(a.Kind, b.Kind),
			strings.Compare(a.Host.String(), b.Host.String()), strings.Compare(a.Account, b.Account), strings.Compare(a.Path, b.Path), strings.Compare(a.What, b.What))
	})
}

// view is an inventory by key.
type view struct {
	inv       *lifecycle.Inventory
	keys      map[string]lifecycle.Key
	places    map[string][]lifecycle.Place
	files     map[string][]lifecycle.Copy
	sightings map[string][]lifecycle.Sighting
	claimed   map[string]lifecycle.Claim
	uses      *lifecycle.Uses
}

func newView(inv *lifecycle.Inventory) *view {
	v := &view{
		inv: inv, keys: map[string]lifecycle.Key{}, places: map[string][]lifecycle.Place{}, files: map[string][]lifecycle.Copy{},
		sightings: map[string][]lifecycle.Sighting{}, claimed: map[string]lifecycle.Claim{}, uses: lifecycle.NewUses(inv),
	}
	for _, key := range inv.Keys {
		v.keys[key.Fingerprint] = key
	}
	for _, place := range inv.Places {
		v.places[place.Fingerprint] = append(v.places[place.Fingerprint], place)
	}
	for _, file := range inv.Copies {
		v.files[file.Fingerprint] = append(v.files[file.Fingerprint], file)
	}
	for _, sighting := range inv.Sightings {
		v.sightings[sighting.Fingerprint] = append(v.sightings[sighting.Fingerprint], sighting)
	}
	for _, claim := range inv.Claims {
		v.claimed[claim.Fingerprint] = claim
	}
	return v
}

// holder reports whether the private half was met: in the broker, or in a file.
func (v *view) holder(fingerprint string) bool {
	return v.keys[fingerprint].Source != "" || len(v.files[fingerprint]) > 0
}

// word is the key in a command: a name that needs no explanation, or the fingerprint.
func (v *view) word(fingerprint string) string {
	key := v.keys[fingerprint]
	if key.Source == "" || len(key.Names) == 0 || platform.Escape(key.Names[0], maxName) != key.Names[0] {
		return fingerprint
	}
	return platform.ShellWord(key.Names[0])
}

// maxName bounds a name of a key where it is shown.
const maxName = 60

// Name is the key as a table shows it; escaped.
func Name(key lifecycle.Key) string {
	if len(key.Names) == 0 {
		return key.Fingerprint
	}
	return platform.Escape(key.Names[0], maxName)
}
