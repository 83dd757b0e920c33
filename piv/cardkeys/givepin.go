package cardkeys

import (
	"context"
	"fmt"

	"github.com/keybroker/keybroker/piv"
	"github.com/keybroker/keybroker/problem"
)

// GivePIN gives the PIN of the one card that is in, beforehand, as ssh-add -X
// may. It never spends the last try: there is nobody to release it.
func (s *Source) GivePIN(ctx context.Context, pin []byte) error {
	cards := s.inventory().cards
	switch {
	case len(cards) == 0:
		return problem.New("there is no card to give a PIN to", "put one in")
	case len(cards) > 1:
		return problem.With(fmt.Errorf("%d cards are in, and which one the PIN is for was not said", len(cards)), "pull the others, or give it when a card asks")
	case s.cfg.PINCache <= 0:
		return problem.New("PINs are not kept", "set [piv] pin_cache to how long they shall be")
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
