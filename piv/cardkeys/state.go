package cardkeys

import (
	"context"
	"errors"
	"time"

	"github.com/keybroker/keybroker/piv"
)

// Card is one card for showing.
type Card struct {
	Token   *piv.Token // nil: it is out
	Reader  string
	PINKept time.Time // until when the broker keeps the PIN; zero: it does not
	Held    bool      // another program keeps the broker from taking its PIN back (piv.Handle.HeldOpen)
	Record  Record    // of a card that is out
}

// State returns the smartcard service's state and every card: those that are
// in, then those remembered.
func (s *Source) State() (piv.State, []Card) {
	var cards []Card
	in := map[string]bool{}
	for _, handle := range s.inventory().cards {
		token := handle.Token()
		in[token.ID] = true
		cards = append(cards, Card{Token: token, Reader: handle.Reader(), PINKept: s.pinOf(handle).kept(), Held: handle.HeldOpen()})
	}
	for _, record := range s.keeper.cards() {
		if !in[record.ID] {
			cards = append(cards, Card{Record: record})
		}
	}
	return s.readers.State(), cards
}

// Exchanges returns how many commands went to cards since New, and how long
// they took together.
func (s *Source) Exchanges() (count uint64, took time.Duration) { return s.readers.Exchanges() }

// Rules are those that Config gave.
func (s *Source) Rules() []Rule { return s.cfg.Rules }

// Refresh reads the cards that are in again, after one was changed by another
// program. The PINs that are kept are dropped: one may have been changed, and
// giving the old one would cost a try.
func (s *Source) Refresh(ctx context.Context) error {
	s.dropPINs()
	var all error
	for _, handle := range s.inventory().cards {
		all = errors.Join(all, s.readers.Refresh(ctx, handle))
	}
	return all
}

// ForgetCard drops what is remembered of a card. One that is in is remembered
// anew, as it is now.
func (s *Source) ForgetCard(id string) bool {
	known := s.keeper.forget(id)
	for _, handle := range s.inventory().cards {
		if handle.Token().ID == id {
			s.keeper.seen(handle.Token(), s.cfg.Rules)
		}
	}
	s.rebuild()
	return known
}
