package broker

import (
	"errors"
	"fmt"

	"github.com/keybroker/keybroker/agent/control"
	"github.com/keybroker/keybroker/piv"
	"github.com/keybroker/keybroker/piv/cardkeys"
	"github.com/keybroker/keybroker/platform"
)

// cardProblems are what keeps cards from working. Where no card was ever seen,
// a smartcard service that does not run is none.
func cardProblems(cards control.Cards) []error {
	var problems []error
	switch piv.Service(cards.Service) {
	case piv.ServiceAbsent:
		if len(cards.Cards) > 0 {
			problems = append(problems, errors.New("the smartcard service does not run, so cards are not seen\n"+piv.Remedy(piv.ErrNoService)))
		}
	case piv.ServiceRefuses:
		problems = append(problems, errors.New("the smartcard service refuses this user\n"+piv.Remedy(piv.ErrDenied)))
	case piv.ServiceStuck:
		problems = append(problems, errors.New("the smartcard service does not answer\n"+piv.Remedy(piv.ErrNoAnswer)))
	}
	for _, reader := range cards.Readers {
		if problem := readerProblem(reader); problem != nil {
			problems = append(problems, problem)
		}
	}
	for _, card := range cards.Cards {
		if card.PINTries != nil && *card.PINTries == 0 {
			problems = append(problems, fmt.Errorf("the PIN of %s is blocked\n%s", card.Name, piv.Remedy(&piv.PINError{})))
		}
		problems = append(problems, dataProblems(card)...)
	}
	return problems
}

// dataProblems are what is wrong with the data on a card, as `card info` has it.
func dataProblems(card control.Card) (problems []error) {
	tell := func(where, what string) {
		problems = append(problems, fmt.Errorf("%s%s: %s\nsee the whole: keybroker card info %s", platform.Escape(card.Name, maxText), where,
			platform.Escape(what, 2*maxText), cardkeys.Slug(card.Name)))
	}
	for _, problem := range card.Problems {
		tell("", problem)
	}
	for _, slot := range card.Slots {
		if slot.Problem != "" {
			tell(", slot "+slot.Slot, slot.Problem)
		}
	}
	return problems
}

func readerProblem(reader control.Reader) error {
	name := platform.Escape(reader.Name, maxText)
	switch piv.CardState(reader.State) {
	case piv.ReaderOldCAC:
		return fmt.Errorf("the card in %q is a CAC from before PIV, which cannot be used\nask its issuer for one with PIV", name)
	case piv.ReaderBusy:
		return fmt.Errorf("another program holds the card in %q exclusively\n%s", name, piv.Remedy(piv.ErrBusy))
	case piv.ReaderMute, piv.ReaderFailing:
		return fmt.Errorf("the card in %q cannot be read: %s\n%s", name, platform.Escape(reader.Problem, maxText), piv.Remedy(piv.ErrNoAnswer))
	}
	return nil
}
