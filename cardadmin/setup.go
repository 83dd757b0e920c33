package cardadmin

import (
	"context"
	"fmt"

	"github.com/keybroker/keybroker/piv"
	"github.com/keybroker/keybroker/piv/admin"
)

// setup makes a card safe to work with. Each step checks the card's state, so steps
// that were done before are skipped.
type setup struct {
	*Work
	facts   cardFacts
	keyless bool // the management key is unknown
}

// Setup makes a card safe to work with, asking before each change.
func (w *Work) Setup(ctx context.Context) error { return (&setup{Work: w}).run(ctx) }

func (s *setup) run(ctx context.Context) error {
	if err := s.needYubiKey("setup"); err != nil {
		return err
	}
	var err error
	if s.facts, err = s.look(ctx); err != nil {
		return err
	}
	s.facts.print(s.Work)
	if s.facts.pin.tries == 0 {
		return &piv.PINError{Reference: s.token().Reference, Tries: 0}
	}
	for _, step := range []func(context.Context) error{s.factoryPIN, s.factoryPUK, s.ownManagementKey, s.identity, s.firstKey} {
		if err := step(ctx); err != nil {
			return err
		}
	}
	if s.changed {
		fmt.Fprintf(s.say, "%s is set up.\n", s.token().Name())
	} else {
		fmt.Fprintln(s.say, "Nothing was changed.")
	}
	return nil
}

// factoryPIN replaces the PIN that everybody knows.
func (s *setup) factoryPIN(ctx context.Context) error {
	return s.replaceFactory(ctx, "PIN", s.facts.pin, admin.DefaultPIN, s.newPINRule, (*piv.Applet).ChangePIN)
}

// factoryPUK replaces the PUK that everybody knows.
func (s *setup) factoryPUK(ctx context.Context) error {
	if s.facts.puk.tries == 0 {
		return nil
	}
	return s.replaceFactory(ctx, "PUK", s.facts.puk, admin.DefaultPUK, admin.CheckNewPUK, (*piv.Applet).ChangePUK)
}

func (s *setup) replaceFactory(ctx context.Context, what string, now secretFacts, factory string, rule func([]byte) error,
	set func(a *piv.Applet, ctx context.Context, old, fresh []byte) error) error {
	question := fmt.Sprintf("Replace the %s? Everybody knows the factory's.", what)
	switch {
	case now.known && !now.factory:
		return nil
	case !now.known: // before firmware 5.3
		question = fmt.Sprintf("This firmware does not report whether the %s is still the factory's (%s). Replace it? If it is not the factory's, this costs one try.", what, factory)
	}
	yes, err := s.agreed(ctx, question)
	if err != nil || !yes {
		return err
	}
	return s.replace(ctx, what, []byte(factory), rule, set)
}

// identity gives the card a unique identity.
func (s *setup) identity(ctx context.Context) error {
	if (s.facts.chuid && s.facts.ccc) || s.keyless {
		return nil
	}
	yes, err := s.agreed(ctx, "Give the card the missing CHUID and CCC, by which programs recognize it?")
	if err != nil || !yes {
		return err
	}
	if err := s.needManagement(ctx); err != nil {
		return err
	}
	var wrote []string
	s.changed = true
	err = s.do(ctx, func(a *piv.Applet) (err error) {
		if err := s.proveManagement(ctx, a, s.management); err != nil {
			return err
		}
		wrote, err = a.PutIdentity(ctx)
		return err
	})
	for _, name := range wrote {
		fmt.Fprintf(s.say, "The card now has a %s.\n", name)
	}
	return err
}

// firstKey offers to make a login key.
func (s *setup) firstKey(ctx context.Context) error {
	spec := KeySpec{Slot: piv.SlotAuthentication, Algorithm: piv.P256, PIN: piv.PINOnce, Touch: piv.TouchCached, Certificate: true,
		Subject: Subject{Days: DefaultDays}}
	held, full := s.token().Slot(spec.Slot)
	switch {
	case s.keyless:
		return nil
	case full && held.PublicKey != nil && held.Problem == "" && held.From != "certificate" && held.Certificate == nil:
		return s.firstCertificate(ctx, held, spec.Subject)
	case full:
		return nil
	}
	yes, err := s.agreed(ctx, "Slot 9a is empty. Make a key there to log in with (P-256, PIN once, a touch good for 15 s)?")
	if err != nil || !yes {
		return err
	}
	return s.Generate(ctx, spec)
}

// firstCertificate continues a setup that was interrupted after it made the key.
func (s *setup) firstCertificate(ctx context.Context, held piv.SlotInfo, subject Subject) error {
	yes, err := s.agreed(ctx, fmt.Sprintf("The key in slot %s has no certificate, without which other programs may not see it. Make one?", held.Slot))
	if err != nil || !yes {
		return err
	}
	if err := s.selfSign(ctx, held.Slot, held.PublicKey, held.PIN, held.Touch, subject); err != nil {
		return err
	}
	return s.printKey(held.Slot, held.PublicKey)
}
