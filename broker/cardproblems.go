package broker

import (
	"fmt"

	"github.com/keybroker/keybroker/agent/control"
	"github.com/keybroker/keybroker/piv"
	"github.com/keybroker/keybroker/piv/cardkeys"
	"github.com/keybroker/keybroker/platform"
	"github.com/keybroker/keybroker/problem"
)

// cardProblems lists what keeps cards from working. A smartcard service that does not
// run is a problem only if a card was seen before.
func cardProblems(cards control.Cards) []error {
	var problems []error
	switch piv.Service(cards.Service) {
	case piv.ServiceAbsent:
		if len(cards.Cards) > 0 {
			problems = append(problems, problem.New("the smartcard service does not run, so cards are not seen", piv.Remedy(piv.ErrNoService)))
		}
	case piv.ServiceMissing:
		if len(cards.Cards) > 0 {
			problems = append(problems, problem.New("the smartcard library is not installed, so cards are not seen", piv.Remedy(piv.ErrNoLibrary)))
		}
	case piv.ServiceRefuses:
		problems = append(problems, problem.New("the smartcard service refuses this user", piv.Remedy(piv.ErrDenied)))
	case piv.ServiceStuck:
		problems = append(problems, problem.New("the smartcard service does not answer", piv.Remedy(piv.ErrNoAnswer)))
	}
	for _, reader := range cards.Readers {
		if problem := readerProblem(reader); problem != nil {
			problems = append(problems, problem)
		}
	}
	for _, card := range cards.Cards {
		if card.PINTries != nil && *card.PINTries == 0 {
			problems = append(problems, problem.With(fmt.Errorf("the PIN of %s is blocked", card.Name), "%s", piv.Remedy(&piv.PINError{})))
		}
		if card.HeldOpen {
			problems = append(problems, problem.New(fmt.Sprintf("the PIN of %s cannot be taken back: another program holds the card, and can sign with it", card.Name), "end that program, or pull the card out"))
		}
		problems = append(problems, dataProblems(card)...)
	}
	return problems
}

// dataProblems lists the faults in the data on a card, as `card info` shows them.
func dataProblems(card control.Card) (problems []error) {
	tell := func(where, what string) {
		problems = append(problems, problem.With(fmt.Errorf("%s%s: %s", platform.Escape(card.Name, maxText), where, platform.Escape(what, 2*maxText)), "see the details: keybroker card info %s", cardkeys.Slug(card.Name)))
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
		return problem.With(fmt.Errorf("the card in %q is a CAC older than PIV, which keybroker cannot use", name), "ask its issuer for one with PIV")
	case piv.ReaderBusy:
		return problem.With(fmt.Errorf("another program holds the card in %q exclusively", name), "%s", piv.Remedy(piv.ErrBusy))
	case piv.ReaderMute, piv.ReaderFailing:
		return problem.With(fmt.Errorf("the card in %q cannot be read: %s", name, platform.Escape(reader.Problem, maxText)), "%s", piv.Remedy(piv.ErrNoAnswer))
	}
	return nil
}
