package cardadmin

import (
	"context"
	"errors"
	"fmt"

	"github.com/keybroker/keybroker/piv"
	"github.com/keybroker/keybroker/platform"
)

// secretFacts is what a card reports about its PIN or PUK.
type secretFacts struct {
	known, factory bool
	tries          int // -1: unknown
}

// cardFacts is the state of a card that setup starts from.
type cardFacts struct {
	pin, puk   secretFacts
	management string // in words
	chuid, ccc bool
}

func (w *Work) look(ctx context.Context) (facts cardFacts, err error) {
	err = w.do(ctx, func(a *piv.Applet) error {
		pin, err1 := a.PINMetadata(ctx)
		puk, err2 := a.PUKMetadata(ctx)
		facts.pin, facts.puk = factsOf(pin, err1), factsOf(puk, err2)
		var err3, err4 error
		if facts.pin.tries < 0 {
			facts.pin.tries, _, err3 = a.PINStatus(ctx)
		}
		facts.management, err4 = managementInWords(ctx, a)
		_, err5 := a.CHUID(ctx)
		_, err6 := a.CardIdentifier(ctx)
		facts.chuid, facts.ccc = err5 == nil, err6 == nil
		return errors.Join(notThere(err1), notThere(err2), err3, err4, notThere(err5), notThere(err6))
	})
	return facts, err
}

func factsOf(m piv.Metadata, err error) secretFacts {
	if err != nil {
		return secretFacts{tries: -1}
	}
	return secretFacts{known: m.Told, factory: m.Default, tries: m.Tries}
}

func managementInWords(ctx context.Context, a *piv.Applet) (string, error) {
	marked, err := a.ManagementKeyMarked(ctx)
	if err != nil {
		return "", err
	}
	metadata, err := a.ManagementMetadata(ctx)
	switch {
	case err == nil && metadata.Default:
		return "the factory's", nil
	case marked:
		return "on the card, under the PIN", notThere(err)
	case err != nil, !metadata.Told:
		return "not reported by this firmware", notThere(err)
	}
	return "neither the factory's nor known to be on the card", nil
}

func (f cardFacts) print(w *Work) {
	token := w.token()
	fmt.Fprintf(w.out, "%s, firmware %s, in %q\n", token.Name(), token.Version, platform.Escape(w.handle.Reader(), 80))
	fmt.Fprintf(w.out, "  PIN             %s\n  PUK             %s\n  Management key  %s\n", f.pin, f.puk, f.management)
	switch {
	case !f.chuid:
		fmt.Fprintln(w.out, "  Identity        none (no CHUID)")
	case !f.ccc:
		fmt.Fprintf(w.out, "  Identity        GUID %s, but no CCC\n", token.GUID)
	default:
		fmt.Fprintf(w.out, "  Identity        GUID %s\n", token.GUID)
	}
	for _, info := range token.Slots {
		fmt.Fprintf(w.out, "  Slot %s         %s: stays as it is\n", info.Slot, describeSlot(info))
	}
	if len(token.Slots) == 0 {
		fmt.Fprintln(w.out, "  Slots           all empty")
	}
}

func (f secretFacts) String() string {
	text := "not reported by this firmware"
	switch {
	case f.known && f.factory:
		text = "the factory's"
	case f.known:
		text = "your own"
	}
	switch {
	case f.tries == 0:
		text += ", blocked"
	case f.tries == 1:
		text += ", 1 try left"
	case f.tries > 1:
		text += fmt.Sprintf(", %d tries left", f.tries)
	}
	return text
}
