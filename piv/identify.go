package piv

import (
	"context"
	"errors"
	"reflect"
	"time"
)

// How an inserted card is read.
const (
	// readLimit bounds one command: some cards need seconds.
	readLimit = 15 * time.Second
	// turnTime is how long a card is read without a pause, while other programs
	// wait. The pause is letIn: a waiting program asks pcsc-lite every 100 ms.
	turnTime = 500 * time.Millisecond
	letIn    = 150 * time.Millisecond
	// A card that another program released is read again after rereadAfter.
	// Reading takes at most one part in rereadShare of the time.
	rereadAfter = 300 * time.Millisecond
	rereadShare = 10
	// While another program holds the card, reading it is retried at intervals
	// from retryMin to retryMax, as long as it is inserted.
	retryMin = 50 * time.Millisecond
	retryMax = time.Second
	// maxRefusals bounds how often a card may refuse to be read before we give
	// up: some need a moment after insertion.
	maxRefusals = 5
)

// serve reads a card and returns when it is gone. lane makes it wait for the end
// of the reader's previous card, so that a hanging driver holds only one goroutine.
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

// identify reads the card until that succeeds, or the card proves not to be a PIV
// card.
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

// countsAsRefusal reports whether the card refused to be read. For a card that is
// partly listed, silence counts too.
func countsAsRefusal(err error, h *Handle) bool {
	var refused Status
	return errors.As(err, &refused) || h.Token() != nil && errors.Is(err, ErrNoAnswer)
}

// describe reads the card and pauses for other programs. At each pause it calls
// early with the contents so far. A step is repeated after another program's reset.
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
			resets++ // the next read checks that it is the same card
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

// pause returns early if the card is removed or ctx ends.
func pause(ctx context.Context, h *Handle, duration time.Duration) {
	select {
	case <-time.After(duration):
	case <-h.Gone():
	case <-ctx.Done():
	}
}

// early lists a card as soon as its first key is known.
func (r *Readers) early(h *Handle, token *Token) {
	if before := h.Token(); token.ID == "" || before != nil && len(before.Slots) >= len(token.Slots) {
		return // a retry begins with less
	}
	h.token.Store(token)
	if slot, ok := token.Slot(SlotAuthentication); ok && slot.PublicKey != nil {
		r.read(h, nil, false)
	}
}

// read records how reading the card went. If leave is set, it releases the card,
// unless the card is listed.
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

// readAgain reads the card each time another program releases it: that program may
// have made, replaced or deleted keys. It returns when the card is gone.
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

// Refresh reads a card again after a change. If the card's number changed, the card
// counts as removed and inserted.
func (r *Readers) Refresh(ctx context.Context, h *Handle) error {
	before := h.Token()
	if before == nil {
		return ErrRemoved
	}
	switch err := r.describe(ctx, h, func(*Token) {}); {
	case errors.Is(err, ErrOtherCard):
		return nil // Do has reported it
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
