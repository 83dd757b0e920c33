package tray

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/keybroker/keybroker/platform"
)

// clickTimeout bounds the action of a click. Locking waits for the person.
const clickTimeout = 5 * time.Minute

// do runs the action of a click in the background. Its error is shown in the menu
// until the next click, and as a notification.
func (t *tray) do(ctx context.Context, action func(context.Context) error) {
	t.running.Go(func() {
		short, cancel := context.WithTimeout(ctx, clickTimeout)
		defer cancel()
		failure := ""
		if err := action(short); err != nil && ctx.Err() == nil {
			failure = strings.ReplaceAll(platform.Text(err), "\n", ": ")
			t.Log.Warn("not done", "error", err)
			if !t.isAsking() {
				_ = t.notifier.notify(ctx, "failed", "keybroker: not done", failure)
			}
		}
		t.mu.Lock()
		t.clickError = platform.Escape(failure, 4*maxText)
		t.mu.Unlock()
		t.draw(ctx)
	})
}

func (t *tray) lockOrUnlock(ctx context.Context) error {
	if t.isLocked() {
		return t.Client.UnlockAsking(ctx)
	}
	return t.Client.LockAsking(ctx)
}

func (t *tray) pauseOrResume(ctx context.Context) error {
	if t.isPaused() {
		return t.Client.Resume(ctx)
	}
	return t.Client.Pause(ctx)
}

func (t *tray) isLocked() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.broker.event.Status.Locked
}

func (t *tray) isPaused() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.broker.event.Status.Paused
}

// isAsking reports whether a notification could cover a question.
func (t *tray) isAsking() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return windowOpen(t.broker.event)
}

func (t *tray) revoke(id string) func(context.Context) error {
	return func(ctx context.Context) error { return t.Client.Revoke(ctx, id) }
}

// copy puts a public key on the clipboard.
func (t *tray) copy(line string) func(context.Context) error {
	return func(ctx context.Context) error {
		if err := copyText(ctx, line); err != nil {
			return err
		}
		return t.notifier.notify(ctx, "copied", "Public key copied", line)
	}
}

// describe notifies of one recent record in full, unless a question is on the screen.
func (t *tray) describe(id string) func(context.Context) error {
	return func(ctx context.Context) error {
		t.mu.Lock()
		recent := slices.Clone(t.broker.recent)
		t.mu.Unlock()
		for _, r := range recent {
			if r.ID == id && !t.isAsking() {
				return t.notifier.notify(ctx, "details", "keybroker: "+string(r.Decision), details(r))
			}
		}
		return nil
	}
}

func (t *tray) open(id string) func(context.Context) error {
	return func(ctx context.Context) error {
		if id == "" { // it is on the screen already
			return nil
		}
		return t.Show(ctx, id)
	}
}
