package cardkeys

import (
	"context"
	"errors"
	"time"

	"github.com/keybroker/keybroker/piv"
)

// Card is one card, for display.
type Card struct {
	Token   *piv.Token // nil: not inserted
	Reader  string
	PINKept time.Time // when the broker will drop the PIN; zero: it keeps none
	Held    bool      // another program keeps the broker from taking its PIN back (piv.Handle.HeldOpen)
	Record  Record    // of a card that is not inserted
}

// State returns the smartcard service's state and every card: the inserted ones,
// then the remembered ones.
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

// Exchanges returns the number of commands sent to cards since New, and their
// total time.
func (s *Source) Exchanges() (count uint64, took time.Duration) { return s.readers.Exchanges() }

// Rules returns Config.Rules.
func (s *Source) Rules() []Rule { return s.cfg.Rules }

// Refresh reads the inserted cards again, after another program changed one. It
// drops the kept PINs: one may have changed, and the old one would cost a try.
func (s *Source) Refresh(ctx context.Context) error {
	s.dropPINs()
	var all error
	for _, handle := range s.inventory().cards {
		all = errors.Join(all, s.readers.Refresh(ctx, handle))
	}
	return all
}

// ForgetCard forgets a card, and says whether it was remembered. An inserted card
// is remembered again as it is now.
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
