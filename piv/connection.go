package piv

import (
	"context"
	"errors"
)

// What runs in a Handle's worker: the connection to the card.

// beginTransaction connects if needed; fresh says that it did. A connection
// that died by a removal is made once more; of a reset begin must know. When the
// service ended this Handle has, too: the watcher sees to that.
func (h *Handle) beginTransaction() (fresh bool, err error) {
	for range 2 {
		if fresh, err = h.connect(); err == nil {
			if err = h.card.begin(); err == nil {
				h.open = true
				return fresh, nil
			}
		}
		if errors.Is(err, ErrReset) {
			h.unlocked.Store(false) // the PIN is gone: another reset would only hit the next program
		}
		h.disconnect()
		if errors.Is(err, ErrReset) || errors.Is(err, ErrBusy) || errors.Is(err, ErrNoService) {
			break
		}
	}
	return false, err
}

func (h *Handle) connect() (fresh bool, err error) {
	if h.card != nil {
		return false, nil
	}
	if h.context == nil {
		if h.context, err = h.system.establish(); err != nil {
			h.context = nil
			return false, err
		}
	}
	h.card, err = h.context.connect(h.reader)
	if err != nil {
		h.card = nil
	}
	return true, err
}

// endTransaction lets other programs in. It runs in the worker.
func (h *Handle) endTransaction() {
	if h.open && h.card.end() != nil {
		h.broken.Store(true)
	}
	h.open = false
	if h.broken.Swap(false) {
		h.disconnect()
	}
	if h.card != nil {
		h.idle.Reset(releaseAfter)
	}
}

// release disconnects a card that is not used, and takes the PIN back first. A
// use that goes on starts the time anew when it ends.
func (h *Handle) release() {
	select {
	case h.turn <- struct{}{}:
		h.logOut()
		_, _ = h.worker.call(context.Background(), connectLimit, h.disconnect)
		<-h.turn
	default: // its end starts the time anew
	}
}

// Release lets the card go now, if it is not in use: without it that happens
// 1.5 seconds after the last use.
func (h *Handle) Release() { h.release() }

// logOut takes the PIN back in the way that disturbs other programs least. When
// it cannot, disconnect resets the card.
func (h *Handle) logOut() {
	if !h.unlocked.Load() {
		return
	}
	ctx, stop := context.WithTimeoutCause(context.Background(), logOutLimit, ErrNoAnswer)
	defer stop()
	_ = h.perform(ctx, func(a *Applet) error {
		if !a.given { // a fresh connection: the card was reset meanwhile
			return nil
		}
		return a.Logout(ctx)
	})
}

func (h *Handle) disconnect() {
	if h.card != nil {
		h.card.disconnect(h.unlocked.Swap(false))
	}
	h.card, h.open = nil, false
}

// hangUp is the worker's last act.
func (h *Handle) hangUp() {
	h.idle.Stop()
	if h.open {
		_ = h.card.end()
	}
	h.disconnect()
	if h.context != nil {
		h.context.release()
	}
}
