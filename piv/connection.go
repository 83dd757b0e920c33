package piv

import (
	"context"
	"errors"
)

// What runs in a Handle's worker: the connection to the card.

// beginTransaction connects if needed. A connection that died by a removal is
// made once more; of a reset begin must know. When the service ended this Handle
// has, too: the watcher sees to that.
func (h *Handle) beginTransaction() (err error) {
	for range 2 {
		if err = h.connect(); err == nil {
			err = h.resume()
		}
		if err == nil || errors.Is(err, ErrReset) || errors.Is(err, ErrBusy) || errors.Is(err, ErrNoService) {
			break
		}
	}
	return err
}

func (h *Handle) connect() (err error) {
	if h.card != nil {
		return nil
	}
	if h.context == nil {
		if h.context, err = h.system.establish(); err != nil {
			h.context = nil
			return err
		}
	}
	h.connects.Add(1) // first: the watcher may see the use before connect returns
	if h.card, err = h.context.connect(h.reader); err != nil {
		h.card = nil
	}
	h.connected.Store(err == nil)
	return err
}

// errNotConnected is a connection that was lost before.
var errNotConnected = errors.New("the connection to the card is lost")

// resume begins a transaction on the connection that is there, unless one has
// begun. A connection on which that fails is given up.
func (h *Handle) resume() error {
	switch {
	case h.open:
		return nil
	case h.card == nil:
		return errNotConnected
	}
	err := h.card.begin()
	h.open = err == nil
	if errors.Is(err, ErrReset) {
		h.unlocked.Store(false) // the PIN is gone: another reset would only hit the next program
	}
	if err != nil {
		h.disconnect()
	}
	return err
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
		h.limit = transmitLimit
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
		// On a new connection, as the card was reset meanwhile, a PIN is another program's.
		if _, _, err := a.PINStatus(ctx); err != nil || !a.given {
			return err
		}
		return a.Logout(ctx)
	})
}

func (h *Handle) disconnect() {
	if h.card != nil {
		h.card.disconnect(h.unlocked.Swap(false))
	}
	h.card, h.open = nil, false
	h.connected.Store(false)
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
