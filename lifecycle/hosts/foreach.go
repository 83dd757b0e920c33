package hosts

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"
)

// DefaultParallel is how many hosts are read at once.
const DefaultParallel = 20

// loginPatience bounds one login of a run, with the time until the person has answered
// for those before. A server that goes on without end must not hold the run.
const loginPatience = 10 * time.Minute

// ForEach logs in to each target and calls do, parallel of them at once (0:
// DefaultParallel). The error of a target goes to failed, from one goroutine at a
// time; the other targets go on. It returns only when everything has ended, with the
// cause of ctx if that ended first.
func (d Dialer) ForEach(ctx context.Context, targets []string, parallel int, do func(context.Context, *Host) error, failed func(target string, err error)) error {
	if parallel <= 0 {
		parallel = DefaultParallel
	}
	d, withdraw := d.Announced(ctx, targets)
	defer withdraw()
	var (
		all  sync.WaitGroup
		mu   sync.Mutex
		next = make(chan string)
	)
	for range min(parallel, len(targets)) {
		all.Go(func() {
			for target := range next {
				if err := d.one(ctx, target, do); err != nil {
					mu.Lock()
					failed(target, err)
					mu.Unlock()
				}
			}
		})
	}
	for _, target := range targets {
		if ctx.Err() != nil {
			break
		}
		select {
		case next <- target:
		case <-ctx.Done():
		}
	}
	close(next)
	all.Wait()
	return context.Cause(ctx)
}

func (d Dialer) one(ctx context.Context, target string, do func(context.Context, *Host) error) error {
	login, cancel := context.WithTimeoutCause(ctx, loginPatience, fmt.Errorf("the login was not finished within %s", loginPatience))
	host, err := d.Dial(login, target)
	cancel()
	if err != nil {
		return err
	}
	return errors.Join(do(ctx, host), host.Close())
}
