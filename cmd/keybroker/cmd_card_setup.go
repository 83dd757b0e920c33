package main

import (
	"context"
	"fmt"

	"github.com/keybroker/keybroker/piv"
	"github.com/keybroker/keybroker/piv/admin"
	"github.com/spf13/cobra"
)

func newCardSetupCommand(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "setup",
		Short: "Make a new YubiKey, or one that is in use, safe to work with",
		Long: `Make a YubiKey safe to work with: a new one, or one that is in use. It says what it
finds and asks before each change:

  PIN, PUK        the factory's are replaced by yours
  management key  the factory's is replaced by a random one, which stays on the
                  card under the PIN, as ykman, yubikey-agent and others do it
  identity        a card without one gets a CHUID with a GUID, and a CCC
  slot 9a         when it is empty, a key to log in with is offered; one that
                  has no certificate is offered one

No key is ever replaced. If it was interrupted, run it again: it goes
on from where it was.

Asked for: yes or no at each step, new PIN and PUK (twice on a terminal), and the
PIN where it is not the factory's.`,
		Example: "  keybroker card setup\n  keybroker card setup --card 12345678",
		Args:    cobra.NoArgs,
		RunE:    a.onCard(func(ctx context.Context, w *cardWork, _ []string) error { return (&cardSetup{cardWork: w}).run(ctx) }),
	}
}

// cardSetup is `keybroker card setup`. Each step looks at the card itself, so that
// any of them may have been done before.
type cardSetup struct {
	*cardWork
	facts   cardFacts
	keyless bool // nobody knows the management key
}

func (s *cardSetup) run(ctx context.Context) error {
	if err := s.needYubiKey("setup"); err != nil {
		return err
	}
	var err error
	if s.facts, err = s.look(ctx); err != nil {
		return err
	}
	s.facts.print(s.cardWork)
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
func (s *cardSetup) factoryPIN(ctx context.Context) error {
	return s.replaceFactory(ctx, "PIN", s.facts.pin, admin.DefaultPIN, s.newPINRule, (*piv.Applet).ChangePIN)
}

// factoryPUK replaces the PUK that everybody knows.
func (s *cardSetup) factoryPUK(ctx context.Context) error {
	if s.facts.puk.tries == 0 {
		return nil
	}
	return s.replaceFactory(ctx, "PUK", s.facts.puk, admin.DefaultPUK, admin.CheckNewPUK, (*piv.Applet).ChangePUK)
}

func (s *cardSetup) replaceFactory(ctx context.Context, what string, now secretFacts, factory string, rule func([]byte) error,
	set func(a *piv.Applet, ctx context.Context, old, fresh []byte) error) error {
	question := fmt.Sprintf("Replace the %s? Whoever finds the card knows the factory's.", what)
	switch {
	case now.known && !now.factory:
		return nil
	case !now.known: // before firmware 5.3
		question = fmt.Sprintf("This firmware does not tell whether the %s is still the factory's (%s). Replace that one? If it is another, this costs a try.", what, factory)
	}
	yes, err := s.agreed(ctx, question)
	if err != nil || !yes {
		return err
	}
	return s.replace(ctx, what, []byte(factory), rule, set)
}

// identity gives the card numbers of its own.
func (s *cardSetup) identity(ctx context.Context) error {
	if (s.facts.chuid && s.facts.ccc) || s.keyless {
		return nil
	}
	yes, err := s.agreed(ctx, "Give the card the CHUID and CCC that it lacks, by which programs know it again?")
	if err != nil || !yes {
		return err
	}
	if err := s.needManagement(ctx); err != nil {
		return err
	}
	var wrote []string
	s.changed = true
	err = s.do(ctx, func(a *piv.Applet) (err error) {
		if err := a.AuthenticateManagement(ctx, s.management); err != nil {
			return err
		}
		wrote, err = a.PutIdentity(ctx)
		return err
	})
	for _, name := range wrote {
		fmt.Fprintf(s.say, "The card has a %s.\n", name)
	}
	return err
}

// firstKey offers a key to log in with.
func (s *cardSetup) firstKey(ctx context.Context) error {
	spec := keySpec{slot: piv.SlotAuthentication, algorithm: piv.P256, pin: piv.PINOnce, touch: piv.TouchCached, certificate: true,
		subject: subjectSpec{days: 3650}}
	held, full := s.token().Slot(spec.slot)
	switch {
	case s.keyless:
		return nil
	case full && held.PublicKey != nil && held.Problem == "" && held.From != "certificate" && held.Certificate == nil:
		return s.firstCertificate(ctx, held, spec.subject)
	case full:
		return nil
	}
	yes, err := s.agreed(ctx, "Slot 9a is empty. Make a key there to log in with (P-256, PIN once, a touch good for 15 s)?")
	if err != nil || !yes {
		return err
	}
	return s.generate(ctx, spec)
}

// firstCertificate goes on where a setup was interrupted after it made the key.
func (s *cardSetup) firstCertificate(ctx context.Context, held piv.SlotInfo, subject subjectSpec) error {
	yes, err := s.agreed(ctx, fmt.Sprintf("The key in slot %s has no certificate, by which other programs see it. Make one?", held.Slot))
	if err != nil || !yes {
		return err
	}
	if err := s.selfSign(ctx, held.Slot, held.PublicKey, held.PIN, held.Touch, subject); err != nil {
		return err
	}
	return s.printKey(held.Slot, held.PublicKey)
}
