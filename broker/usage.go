package broker

import (
	"context"
	"fmt"
	"time"

	"github.com/keybroker/keybroker/agent/audit"
	"github.com/keybroker/keybroker/agent/control"
	"github.com/keybroker/keybroker/platform"
)

// UsedKey is a key with its use. `keybroker keys list --json` prints it.
type UsedKey struct {
	control.Key
	Usage  *KeyUsage  `json:"usage,omitempty"`  // where it was asked for
	Unused *UnusedKey `json:"unused,omitempty"` // from Unused
}

// KeyUsage adds to the uses how long any would have been seen.
type KeyUsage struct {
	audit.KeyUsage
	WatchedSince   *time.Time `json:"watched_since,omitempty"` // none: the key was never watched
	WatchedSeconds int64      `json:"watched_seconds"`         // without the gaps
}

// UnusedKey is what can be said of a key without a use in the time that was asked for.
type UnusedKey struct {
	AskedSeconds   int64 `json:"asked_seconds"`
	WatchedSeconds int64 `json:"watched_seconds"` // since the last use
	ToGoSeconds    int64 `json:"to_go_seconds"`   // more that it must be watched; 0: it is unused
	Unused         bool  `json:"unused"`
}

// ListUsed lists every key with what the audit log says of it. If not all of the log can
// be read, that is a remark; with usage and nothing read, an error.
func (l KeyList) ListUsed(ctx context.Context, usage bool) ([]UsedKey, error) {
	list, err := l.List(ctx)
	if err != nil {
		return nil, err
	}
	uses, err := audit.Usage(ctx, l.Config.AuditDir())
	if uses == nil && usage {
		return nil, fmt.Errorf("the uses are unknown: %w", err)
	}
	if err != nil {
		fmt.Fprintln(l.Say, "keybroker: some uses are unknown:", platform.Plain(err))
	}
	used := make([]UsedKey, len(list))
	for i, key := range list {
		u := uses[key.Fingerprint]
		if u.Count > 0 {
			key.LastUsed, key.Uses = &u.Last, u.Count
		}
		used[i].Key = key
		if usage {
			used[i].Usage = usageOf(u)
		}
	}
	return used, nil
}

func usageOf(u audit.KeyUsage) *KeyUsage {
	usage := &KeyUsage{KeyUsage: u, WatchedSeconds: int64(audit.Watched(u.Watched, time.Time{}).Seconds())}
	if len(u.Watched) > 0 {
		usage.WatchedSince = &u.Watched[0].Since
	}
	return usage
}

// Unused are the keys of a list with usage that have no use in the last asked.
func Unused(list []UsedKey, asked time.Duration, now time.Time) []UsedKey {
	found := []UsedKey{}
	for _, key := range list {
		idle, used := key.Usage.Idle(asked, now)
		if used {
			continue
		}
		key.Unused = &UnusedKey{AskedSeconds: int64(asked.Seconds()), WatchedSeconds: int64(idle.Watched.Seconds()),
			ToGoSeconds: int64(idle.ToGo.Seconds()), Unused: idle.ToGo == 0}
		found = append(found, key)
	}
	return found
}
