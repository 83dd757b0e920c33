package piv

import (
	"context"
	"errors"
	"reflect"
	"time"
)

// How a card that was put in is read.
const (
	// readLimit is what one command may take: there are cards that need seconds.
	readLimit = 15 * time.Second
	// turnTime is how long a card is read at a stretch: others wait meanwhile. Then
	// they have letIn: who waits asks pcsc-lite every 100 ms.
	turnTime = 500 * time.Millisecond
	letIn    = 150 * time.Millisecond
	// A card that another program has let go is read again after rereadAfter, and
	// reading takes one part in rereadShare of the time at the most.
	rereadAfter = 300 * time.Millisecond
	rereadShare = 10
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
		<-h.session.worker.done
		return
	}
	r.identify(h)
	r.readAgain(h)
	<-h.session.worker.done
	<-lane
}

// identify reads the card until it was read or is known to be none of ours.
func (r *Readers) identify(h *Handle) {
	refusals := 0
	for wait := retryMin; ; wait = min(2*wait, retryMax) {
		err := r.describe(r.ctx, h, func(token *Token) { r.early(h, token) })
		if countsAsRefusal(err, h) {
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

// countsAsRefusal: a card of which something is listed already may also be silent.
func countsAsRefusal(err error, h *Handle) bool {
	var refused Status
	return errors.As(err, &refused) || h.Token() != nil && errors.Is(err, ErrNoAnswer)
}

// describe reads the card, and lets others in between. early is told what is known
// at each pause. A reset by another program costs the step that it meets.
func (r *Readers) describe(ctx context.Context, h *Handle, early func(*Token)) error {
	d, resets := newDescription(), 0
	for !d.done() {
		err := h.read(ctx, func(a *Applet) error {
			for begin := time.Now(); !d.done() && time.Since(begin) < turnTime; {
				if err := d.step(ctx, a); err != nil {
					return err
				}
			}
			return nil
		})
		switch {
		case errors.Is(err, ErrReset) && h.Token() != nil && resets < maxResets:
			resets++ // the next one makes sure that it is the same card
		case err != nil:
			return err
		}
		if !d.done() {
			early(d.now())
			pause(ctx, h, letIn)
		}
	}
	h.token.Store(d.now())
	return nil
}

// pause returns early when the card is gone or ctx ends.
func pause(ctx context.Context, h *Handle, long time.Duration) {
	select {
	case <-time.After(long):
	case <-h.Gone():
	case <-ctx.Done():
	}
}

// early lists a card whose first key is known, while the rest is read.
func (r *Readers) early(h *Handle, token *Token) {
	if before := h.Token(); token.ID == "" || before != nil && len(before.Slots) >= len(token.Slots) {
		return // a second try begins with less
	}
	h.token.Store(token)
	if slot, ok := token.Slot(SlotAuthentication); ok && slot.PublicKey != nil {
		r.read(h, nil, false)
	}
}

// read notes how reading the card went. A card that is left alone is let go, unless
// some of it is listed.
func (r *Readers) read(h *Handle, err error, leave bool) {
	r.change(func() []Event {
		one, ok := r.mu.readers[h.Reader()]
		if !ok || one.handle != h {
			return nil
		}
		before := *one
		one.problem = ""
		if err != nil {
			one.problem = err.Error()
		}
		if !one.told {
			one.state = cardState(err)
		}
		if leave && !one.told {
			h.close()
			one.handle = nil
		}
		if err == nil {
			one.told = true
			kind := CardIn
			if before.told {
				kind = CardChanged
			}
			return []Event{{Kind: kind, Handle: h}}
		}
		if before.state == one.state && before.problem == one.problem {
			return nil
		}
		return []Event{{Kind: StateChange}}
	})
}

// readAgain reads the card each time that another program has let it go, which may
// have made, replaced or deleted keys. It ends with the card.
func (r *Readers) readAgain(h *Handle) {
	for {
		select {
		case <-h.freed:
		case <-h.Gone():
			return
		}
		pause(r.ctx, h, rereadAfter)
		begin := time.Now()
		if h.Token() != nil && r.Refresh(r.ctx, h) == nil {
			h.Release()
		}
		pause(r.ctx, h, rereadShare*time.Since(begin))
	}
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
		return ErrRemoved
	}
	switch err := r.describe(ctx, h, func(*Token) {}); {
	case errors.Is(err, ErrOtherCard):
		return nil // Do has noticed
	case err != nil:
		return err
	}
	if h.Token().ID != before.ID {
		r.swapped(h)
		return nil
	}
	if reflect.DeepEqual(before, h.Token()) {
		return nil
	}
	r.change(func() []Event {
		if one, ok := r.mu.readers[h.Reader()]; !ok || one.handle != h {
			return nil
		}
		return []Event{{Kind: CardChanged, Handle: h}}
	})
	return nil
}
