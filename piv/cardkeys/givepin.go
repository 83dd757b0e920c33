package cardkeys

import (
	"context"
	"fmt"

	"github.com/keybroker/keybroker/piv"
	"github.com/keybroker/keybroker/problem"
)

// GivePIN gives the only inserted card its PIN in advance, for ssh-add -X. It
// never spends the last try: no person is there to allow it.
func (s *Source) GivePIN(ctx context.Context, pin []byte) error {
	cards := s.inventory().cards
	switch {
	case len(cards) == 0:
		return problem.New("no card is inserted, so the PIN cannot be used", "insert one")
	case len(cards) > 1:
		return problem.With(fmt.Errorf("%d cards are inserted, so it is not clear which one the PIN is for", len(cards)), "remove the others, or type the PIN when a card needs it")
	case s.cfg.PINCache <= 0:
		return problem.New("PINs are not kept", "set [piv] pin_cache to the time to keep them")
	}
	w := &work{request: &request{}, handle: cards[0], pin: s.pinOf(cards[0])}
	epoch := w.pin.drops()
	err := w.handle.Do(ctx, func(a *piv.Applet) error { return s.give(ctx, a, w, pin, false) })
	if err != nil {
		return plain(err, w)
	}
	w.pin.keep(pin, s.cfg.PINCache, epoch)
	return nil
}
