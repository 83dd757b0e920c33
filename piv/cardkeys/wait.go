package cardkeys

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/keybroker/keybroker/keys"
	"github.com/keybroker/keybroker/piv"
	"github.com/keybroker/keybroker/problem"
)

// noticeLimit bounds how long the smartcard service takes to report a removal that
// a command has already met.
const noticeLimit = 2 * time.Second

// errIn ends the notice when the card is inserted.
var errIn = errors.New("the card is in")

// present returns the place of the key on an inserted card. If there is none, it
// asks the person for the card, once for all requests that wait.
func (s *Source) present(ctx context.Context, r *request, blob []byte) (place, error) {
	for {
		known, _ := s.waitChange()
		at, ok := known.find(blob)
		switch {
		case !ok:
			return place{}, keys.ErrNotFound
		case at.handle != nil:
			return at, nil
		}
		turn, err := s.missing(at.card).turn(ctx)
		if err != nil {
			return place{}, err
		}
		if turn == nil { // another request's notice has ended
			continue
		}
		at, err = s.askForCard(ctx, r, at, blob)
		turn.over(ctx, err)
		return at, err
	}
}

// missing returns the gate for the notice about a missing card.
func (s *Source) missing(card string) *gate {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.absent[card] == nil {
		s.absent[card] = &gate{}
	}
	return s.absent[card]
}

func (s *Source) askForCard(ctx context.Context, r *request, at place, blob []byte) (place, error) {
	ctx, stop := context.WithTimeoutCause(ctx, s.cfg.Wait,
		problem.With(fmt.Errorf("%s was not inserted within %s", at.card, s.cfg.Wait), "insert it and try again"))
	defer stop()
	ctx, end := context.WithCancelCause(ctx)
	notified := make(chan struct{})
	go func() {
		defer close(notified)
		err := s.cfg.Person.Notify(ctx, keys.Notice{
			Title: "Insert " + at.card, Use: r.use, Why: r.why,
			Text: "It holds the requested key in slot " + at.slot.String() + ".",
		})
		if err != nil {
			end(fmt.Errorf("%s is not in a reader: %w", at.card, err))
		}
	}()
	found, err := s.arrival(ctx, blob)
	end(errIn)
	<-notified
	return found, err
}

// arrival waits until a card with the key is inserted.
func (s *Source) arrival(ctx context.Context, blob []byte) (place, error) {
	for {
		known, changed := s.waitChange()
		if at, ok := known.find(blob); ok && at.handle != nil {
			return at, nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return place{}, context.Cause(ctx)
		}
	}
}

// await waits, after an error, until the inventory no longer has the card, so that
// it is not found again at once.
func (s *Source) await(ctx context.Context, handle *piv.Handle) {
	ctx, stop := context.WithTimeout(ctx, noticeLimit)
	defer stop()
	for {
		known, changed := s.waitChange()
		if !known.has(handle) {
			return
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return
		}
	}
}
