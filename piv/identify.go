package piv

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// How a card that was put in is read.
const (
	// describeLimit covers a slow card with 24 certificates.
	describeLimit = 60 * time.Second
	// A card that another program holds is tried again after retryMin, then
	// retryMax at the most, for as long as it is in.
	retryMin = 50 * time.Millisecond
	retryMax = time.Second
	// maxRefusals is how often a card may refuse to be read before it is left
	// alone: right after it was put in some need a moment.
	maxRefusals = 5
)

// serve reads a card and stays until it is gone. A lane makes the card before
// it in the same reader end first, so that a hanging driver holds one
// goroutine and not one for each insertion.
func (r *Readers) serve(h *Handle, lane chan struct{}) {
	select {
	case lane <- struct{}{}:
	case <-h.Gone():
		<-h.worker.done
		return
	}
	r.identify(h)
	<-h.worker.done
	<-lane
}

// identify reads the card until it was read or is known to be none of ours.
func (r *Readers) identify(h *Handle) {
	refusals := 0
	for wait := retryMin; ; wait = min(2*wait, retryMax) {
		err := r.describe(r.ctx, h)
		var refused Status
		if errors.As(err, &refused) {
			refusals++
		}
		leave := errors.Is(err, ErrNotPIV) || refusals == maxRefusals
		r.read(h, err, leave)
		if err == nil || leave {
			return
		}
		select {
		case <-time.After(wait):
		case <-h.Gone():
			return
		}
	}
}

func (r *Readers) describe(ctx context.Context, h *Handle) error {
	ctx, stop := context.WithTimeoutCause(ctx, describeLimit, ErrNoAnswer)
	defer stop()
	var token *Token
	err := h.Do(ctx, func(a *Applet) (err error) {
		token, err = a.Describe(ctx)
		return err
	})
	if err == nil {
		h.token.Store(token)
	}
	return err
}

// read notes how reading the card went. A card that is left alone is let go.
func (r *Readers) read(h *Handle, err error, leave bool) {
	r.change(func() []Event {
		one, ok := r.mu.readers[h.reader]
		if !ok || one.handle != h {
			return nil
		}
		before := *one
		one.state, one.problem = cardState(err), ""
		if err != nil {
			one.problem = err.Error()
		}
		if leave {
			h.close()
			one.handle = nil
		}
		if err == nil {
			one.told = true
			return []Event{{Kind: CardIn, Handle: h}}
		}
		if before.state == one.state && before.problem == one.problem {
			return nil
		}
		return []Event{{Kind: StateChange}}
	})
}

func cardState(err error) CardState {
	switch {
	case err == nil:
		return ReaderPIV
	case errors.Is(err, ErrOldCAC):
		return ReaderOldCAC
	case errors.Is(err, ErrNotPIV):
		return ReaderOther
	case errors.Is(err, ErrBusy):
		return ReaderBusy
	case errors.Is(err, ErrNoAnswer):
		return ReaderMute
	}
	return ReaderFailing
}

// Refresh reads a card again, after something on it was changed. When its
// number changed it counts as taken out and put in.
func (r *Readers) Refresh(ctx context.Context, h *Handle) error {
	before := h.Token()
	if before == nil {
		return fmt.Errorf("piv: %w", ErrRemoved)
	}
	switch err := r.describe(ctx, h); {
	case errors.Is(err, ErrOtherCard):
		return nil // Do has noticed
	case err != nil:
		return err
	}
	if h.Token().ID != before.ID {
		r.swapped(h)
		return nil
	}
	r.change(func() []Event {
		if one, ok := r.mu.readers[h.reader]; !ok || one.handle != h {
			return nil
		}
		return []Event{{Kind: CardChanged, Handle: h}}
	})
	return nil
}
