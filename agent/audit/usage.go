package audit

import (
	"context"
	"errors"
	"maps"
	"slices"
	"time"
)

// maxFaults bounds how many unusable lines Usage names.
const maxFaults = 10

// KeyUsage sums up the allowed signatures of one key.
type KeyUsage struct {
	First    time.Time `json:"first"`
	Last     time.Time `json:"last"`
	Count    int       `json:"count"`
	Hosts    []string  `json:"hosts,omitempty"`    // proved: the name, or the host key's fingerprint if it has none
	Programs []string  `json:"programs,omitempty"` // base names
}

// Usage reads the whole log and sums it up by the key's fingerprint. The error names
// the first unusable lines; the result covers the others.
func Usage(ctx context.Context, dir string) (map[string]KeyUsage, error) {
	type names struct{ hosts, programs map[string]bool }
	usage, seen := map[string]KeyUsage{}, map[string]names{}
	var faults []error
	for r, err := range signatures(ctx, dir) {
		if err != nil {
			if len(faults) < maxFaults {
				faults = append(faults, err)
			}
			continue
		}
		id := r.Key.Fingerprint
		u, n := usage[id], seen[id]
		if u.Count == 0 {
			u.First, u.Last, n = r.Time, r.Time, names{map[string]bool{}, map[string]bool{}}
			seen[id] = n
		}
		if u.Count++; r.Time.Before(u.First) {
			u.First = r.Time
		}
		if r.Time.After(u.Last) {
			u.Last = r.Time
		}
		usage[id] = u
		if r.Destination != nil && r.Destination.Trust.Proved() {
			n.hosts[r.Destination.Name()] = true
		}
		if r.Peer != nil {
			n.programs[r.Peer.Program] = true
		}
	}
	for id, u := range usage {
		u.Hosts, u.Programs = sorted(seen[id].hosts), sorted(seen[id].programs)
		usage[id] = u
	}
	return usage, errors.Join(append(faults, ctx.Err())...)
}

func sorted(set map[string]bool) []string {
	delete(set, "")
	return slices.Sorted(maps.Keys(set))
}
