package hosts

import (
	"context"
	"runtime"
	"slices"
	"sync"
)

// Announced announces the hosts of a run that does not go through ForEach, or that logs in
// to them again later. The Dialer that it returns knows what ssh_config makes of them.
// Further announcements by it do nothing. Call withdraw after the last login.
func (d Dialer) Announced(ctx context.Context, targets []string) (_ Dialer, withdraw func()) {
	if d.Announce == nil || len(targets) < 2 {
		return d, func() {}
	}
	d.known = d.resolveAll(ctx, targets)
	var names []string
	for _, target := range targets {
		if name := d.known[target].knownAs; name != "" && !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	withdraw, err := d.Announce(ctx, names)
	d.Announce = nil
	if err != nil {
		return d, func() {}
	}
	return d, withdraw
}

// resolveAll asks ssh -G for all targets, a few at once. What ssh does not take is left out.
func (d Dialer) resolveAll(ctx context.Context, targets []string) map[string]resolved {
	var (
		all  sync.WaitGroup
		mu   sync.Mutex
		list = make(map[string]resolved)
		slot = make(chan struct{}, 2*runtime.NumCPU())
	)
	for _, target := range targets {
		if !isTarget(target) {
			continue
		}
		slot <- struct{}{}
		all.Go(func() {
			defer func() { <-slot }()
			if where, err := d.resolve(ctx, target); err == nil {
				mu.Lock()
				defer mu.Unlock()
				list[target] = where
			}
		})
	}
	all.Wait()
	return list
}
