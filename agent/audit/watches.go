package audit

import (
	"context"
	"slices"
	"time"
)

// Watch is a stretch of time in which the broker ran and wrote this log, so that every
// use through it is there.
type Watch struct {
	Since time.Time `json:"since"`
	Until time.Time `json:"until"`
}

// Watches returns the stretches in which the broker ran, oldest first and apart. A
// broker that was killed, or that a power cut ended, counts up to its last record; one
// that runs now, up to now.
func Watches(ctx context.Context, dir string) ([]Watch, error) {
	parts, err := summarize(ctx, dir)
	if err != nil {
		return nil, err
	}
	var all sums
	for _, p := range parts {
		all.Runs.join(p.Runs)
	}
	return all.watches(dir), nil
}

// watches are the stretches up to now: a clock that was ahead proves nothing about the
// future.
func (s *sums) watches(dir string) []Watch {
	now := time.Now().Round(0).UTC()
	var list []Watch
	for i, r := range s.Runs {
		until := r.Until
		if i == len(s.Runs)-1 && !r.Ended {
			if _, runs := Holder(dir); runs {
				until = now
			}
		}
		if until.After(now) {
			until = now
		}
		if r.Since.Before(until) {
			list = append(list, Watch{r.Since, until})
		}
	}
	return apart(list)
}

// apart sorts stretches, and joins those that overlap: the clock went back.
func apart(list []Watch) []Watch {
	slices.SortFunc(list, func(a, b Watch) int { return a.Since.Compare(b.Since) })
	var out []Watch
	for _, w := range list {
		if n := len(out); n > 0 && !w.Since.After(out[n-1].Until) {
			if w.Until.After(out[n-1].Until) {
				out[n-1].Until = w.Until
			}
			continue
		}
		out = append(out, w)
	}
	return out
}

// startNote is within what time after its start a broker has noted the keys that it holds no
// more. In that moment it did not have them.
const startNote = 2 * time.Second

// within returns the parts of the stretches in which the broker also held a key.
func within(watched []Watch, held turns) (list []Watch) {
	for i, t := range held {
		if t.Gone {
			continue
		}
		for _, w := range watched {
			if t.At.After(w.Since) {
				w.Since = t.At
			}
			lost := i+1 < len(held) && held[i+1].At.Before(w.Until)
			if lost {
				w.Until = held[i+1].At
			}
			if w.Since.Before(w.Until) && !(lost && w.Until.Sub(w.Since) < startNote) {
				list = append(list, w)
			}
		}
	}
	return apart(list)
}

// Watched is how long the stretches last together, after a time.
func Watched(list []Watch, after time.Time) (total time.Duration) {
	for _, w := range list {
		if w.Since.Before(after) {
			w.Since = after
		}
		total += max(w.Until.Sub(w.Since), 0)
	}
	return total
}
