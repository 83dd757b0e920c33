package cardkeys

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"golang.org/x/crypto/ssh"

	"github.com/keybroker/keybroker/keys"
	"github.com/keybroker/keybroker/piv"
	"github.com/keybroker/keybroker/problem"
)

const (
	// maxPrompts bounds the PIN prompts of one request: a card has at most 15
	// tries, and a PIN of the wrong length costs none.
	maxPrompts = 20
	// lastTryWords are what the person types to allow the last try.
	lastTryWords = "use the last try"
)

var (
	// errLastTry means that one try is left, and the person has not allowed it.
	errLastTry = errors.New("the last try of the PIN is not used without asking")
	errSwapped = problem.New("the card claims to be a known one, but lacks its card authentication key (slot 9e), so it did not get the PIN", "if that key was replaced: keybroker card forget")
)

// pinTrouble reports whether err means that a kept PIN must be dropped.
func pinTrouble(err error) bool {
	var wrong *piv.PINError
	return errors.As(err, &wrong) && !wrong.Blocked() || errors.Is(err, errLastTry)
}

func blocked(err error) bool {
	var wrong *piv.PINError
	return errors.As(err, &wrong) && wrong.Blocked()
}

func wrongBefore(err error) string {
	var wrong *piv.PINError
	if errors.As(err, &wrong) {
		return "The PIN that was typed before is no longer right."
	}
	return ""
}

// askForPIN asks until the PIN is right or the person gives up; no PIN is sent
// twice. given is called when the card accepts it. The prompt shows the facts of
// the request, so that the PIN is also the consent if that is still needed.
func (s *Source) askForPIN(ctx context.Context, w *work, problem string, given func()) (*ssh.Signature, error) {
	for range maxPrompts {
		tries, err := s.tries(ctx, w)
		if err != nil {
			return nil, err
		}
		if tries == 1 {
			if err := s.releaseLastTry(ctx, w); err != nil {
				return nil, err
			}
		}
		epoch := w.pin.drops()
		pin, err := s.ask(ctx, w, w.question(tries, problem))
		if err != nil {
			return nil, err
		}
		if len(pin) < piv.MinPIN || len(pin) > piv.MaxPIN {
			clear(pin)
			problem = fmt.Sprintf("A PIN has %d to %d characters. No try was spent.", piv.MinPIN, piv.MaxPIN)
			continue
		}
		signature, err := s.useNewPIN(ctx, w, typed{pin, tries == 1, epoch}, given)
		var wrong *piv.PINError
		switch {
		case errors.As(err, &wrong) && !wrong.Blocked():
			problem = "Wrong PIN."
		case errors.Is(err, errLastTry):
			problem = ""
		default:
			return signature, err
		}
	}
	return nil, errors.New("the PIN was asked for too often")
}

// typed is a PIN that the person typed.
type typed struct {
	pin     []byte
	lastTry bool // the person has allowed the last try
	epoch   int  // the pinState's, when the PIN was asked for
}

// useNewPIN gives a typed PIN to the card, keeps it if it was right, and signs.
func (s *Source) useNewPIN(ctx context.Context, w *work, t typed, given func()) (*ssh.Signature, error) {
	defer clear(t.pin)
	var signature *ssh.Signature
	err := w.handle.Do(ctx, func(a *piv.Applet) (err error) {
		if err = s.give(ctx, a, w, t.pin, t.lastTry); err != nil {
			return err
		}
		if w.asking {
			w.consent = "allowed by the person: PIN of " + w.card()
		}
		kept := w.slot.PIN != piv.PINAlways && w.slot.PIN != piv.PINMatchAlways && w.pin.keep(t.pin, s.cfg.PINCache, t.epoch)
		given()
		signature, err = s.touching(ctx, a, w)
		if !kept { // the next use asks again; until then the login would serve only other programs
			_ = a.TakePINBack(ctx) // on failure, the release of the card does it
		}
		return err
	})
	return signature, err
}

// give sends the PIN after two checks: the card is the one we know, and a try may
// be spent.
func (s *Source) give(ctx context.Context, a *piv.Applet, w *work, pin []byte, lastTry bool) error {
	if err := s.prove(ctx, a, w); err != nil {
		return err
	}
	tries, verified, err := a.PINStatus(ctx)
	switch {
	case err != nil:
		return err
	case tries == 0:
		return &piv.PINError{Tries: 0}
	case !verified && tries == 1 && !lastTry:
		return errLastTry
	}
	return a.Verify(ctx, pin)
}

// prove makes a known card prove its identity, once per insertion.
func (s *Source) prove(ctx context.Context, a *piv.Applet, w *work) error {
	record, known := s.keeper.find(w.handle.Token().ID)
	public := parse(record.Proof)
	if !known || public == nil || w.pin.isProven() {
		return nil
	}
	err := a.Prove(ctx, piv.SlotCardAuthentication, public)
	var refused piv.Status
	switch {
	case errors.Is(err, piv.ErrBadSignature), errors.As(err, &refused) && record.Proven:
		return errSwapped
	case errors.As(err, &refused): // it never could: its issuer or maker omitted the key
		s.cfg.Log.Warn("the card cannot prove that it is the remembered one", "card", w.card(), "reason", refused)
		w.pin.setProven()
		return nil
	case err == nil:
		w.pin.setProven()
		s.keeper.proved(record.ID, record.Proof)
	}
	return err
}

// tries asks the card how many tries are left. -1 means that the card does not
// say, because another program gave the PIN; all tries are left then.
func (s *Source) tries(ctx context.Context, w *work) (tries int, err error) {
	err = w.handle.Do(ctx, func(a *piv.Applet) (err error) {
		tries, _, err = a.PINStatus(ctx)
		return err
	})
	if err == nil && tries == 0 {
		err = &piv.PINError{Tries: 0}
	}
	return tries, err
}

func (s *Source) releaseLastTry(ctx context.Context, w *work) error {
	words, err := s.ask(ctx, w, keys.Question{
		Title: "Last try for the PIN of " + w.card(), Use: w.use, Facts: true, Why: w.why,
		Text:   "One try is left. A wrong PIN now blocks the card.\nTo use it, type the words: " + lastTryWords,
		Prompt: "Words:",
	})
	if err != nil {
		return err
	}
	defer clear(words)
	if !strings.EqualFold(strings.TrimSpace(string(words)), lastTryWords) {
		return problem.With(fmt.Errorf("the last try for the PIN of %s was not allowed", w.card()), "%s", piv.Remedy(&piv.PINError{}))
	}
	return nil
}

// ask withdraws the question when the card is removed.
func (s *Source) ask(ctx context.Context, w *work, q keys.Question) ([]byte, error) {
	ctx, end := context.WithCancel(ctx)
	defer end()
	go func() {
		select {
		case <-w.handle.Gone():
			end()
		case <-ctx.Done():
		}
	}()
	answer, err := s.cfg.Person.Secret(ctx, q)
	select {
	case <-w.handle.Gone():
		clear(answer)
		return nil, piv.ErrRemoved
	default:
		return answer, err
	}
}

func (w *work) question(tries int, problem string) keys.Question {
	left := fmt.Sprintf("%d tries are left.", tries)
	switch {
	case tries < 0:
		left = "The card does not say how many tries are left."
	case tries == 1:
		left = "This is the LAST try: a wrong PIN blocks the card."
	}
	if others := w.pin.asking.waiting.Load(); others > 0 {
		left += fmt.Sprintf("\n%d more requests wait for this PIN.", others)
	}
	return keys.Question{
		Title: "PIN of " + w.card(),
		Text:  fmt.Sprintf("%s, slot %s (%s)\n%s", w.card(), w.slot.Slot, w.slot.Slot.Name(), left),
		Error: problem, Prompt: "PIN:", Use: w.use, Facts: true, Why: w.why,
	}
}
