package piv

import (
	"context"
	"errors"
	"fmt"
)

// Lengths of a PIN and a PUK (SP 800-73-4 part 2 section 2.4.3), and the byte
// that fills them up to the longest.
const (
	MinPIN = 6
	MaxPIN = 8

	pinFiller = 0xFF
)

// PINReference is the key reference of a PIN (SP 800-73-4 part 1 table 4a).
type PINReference byte

// The PINs, and the PUK that unblocks them.
const (
	PINGlobal      PINReference = 0x00
	PINApplication PINReference = 0x80
	PUK            PINReference = 0x81
)

// PINError is a PIN or PUK that the card did not take.
type PINError struct {
	Reference PINReference
	Tries     int // left; -1 when the card does not say. 0: blocked
}

func (e *PINError) Error() string {
	name := "PIN"
	if e.Reference == PUK {
		name = "PUK"
	}
	switch {
	case e.Tries == 0:
		return name + " is blocked"
	case e.Tries < 0:
		return "wrong " + name
	case e.Tries == 1:
		return "wrong " + name + ", 1 try left"
	}
	return fmt.Sprintf("wrong %s, %d tries left", name, e.Tries)
}

// Blocked says whether no try is left.
func (e *PINError) Blocked() bool { return e.Tries == 0 }

// ErrPINLength means that a PIN or PUK was not sent, because it cannot be right.
var ErrPINLength = fmt.Errorf("a PIN has %d to %d characters", MinPIN, MaxPIN)

// PINReference is the PIN that the card's Discovery Object asks for.
func (a *Applet) PINReference(ctx context.Context) (PINReference, error) {
	if a.known {
		return a.reference, nil
	}
	discovery, err := a.Discovery(ctx)
	if err != nil && !errors.Is(err, errTLV) { // a damaged object: as if there were none
		return 0, err
	}
	a.reference, a.known = discovery.reference(), true
	return a.reference, nil
}

// Verify gives the PIN to the card. It returns a *PINError when the card did
// not take it. It is sent once, and to no other application than PIV.
func (a *Applet) Verify(ctx context.Context, pin []byte) error {
	reference, err := a.PINReference(ctx)
	if err != nil {
		return err
	}
	return a.secret(ctx, insVerify, reference, pin)
}

// PINGiven says whether Verify gave the PIN since the card was opened. The card
// may have forgotten it since.
func (a *Applet) PINGiven() bool { return a.login.given() }

// PINStatus asks how many tries are left and spends none (VERIFY with no data,
// SP 800-73-4 part 2 section 3.2.1). verified means that the PIN was already
// given, by us or by another program; tries is then -1: the card does not say.
func (a *Applet) PINStatus(ctx context.Context) (tries int, verified bool, err error) {
	reference, err := a.PINReference(ctx)
	if err != nil {
		return -1, false, err
	}
	// In the wrong application even this could mean something else.
	_, err = a.call(ctx, command{ins: insVerify, p2: byte(reference), secret: true})
	if err == nil {
		a.login.seen()
		a.pin = pinFacts{tries: a.pin.tries, verified: true, told: true}
		return -1, true, nil
	}
	var wrong *PINError
	if err = pinError(err, reference); errors.As(err, &wrong) && wrong.Tries >= 0 {
		a.login.over()
		a.pin = pinFacts{tries: wrong.Tries, told: true}
		return wrong.Tries, false, nil
	}
	return -1, false, fmt.Errorf("PIN status: %w", err)
}

// ChangePIN changes the PIN that the card asks for.
func (a *Applet) ChangePIN(ctx context.Context, old, new []byte) error {
	reference, err := a.PINReference(ctx)
	if err != nil {
		return err
	}
	return a.secret(ctx, insChangeReferenceData, reference, old, new)
}

// ChangePUK changes the PIN unblocking key.
func (a *Applet) ChangePUK(ctx context.Context, old, new []byte) error {
	return a.secret(ctx, insChangeReferenceData, PUK, old, new)
}

// ResetPIN sets the application PIN with the PUK: RESET RETRY COUNTER. A wrong
// one costs a try of the PUK.
func (a *Applet) ResetPIN(ctx context.Context, puk, new []byte) error {
	err := a.secret(ctx, insResetRetryCounter, PINApplication, puk, new)
	var wrong *PINError
	if errors.As(err, &wrong) {
		wrong.Reference = PUK
	}
	return err
}

// secret sends PINs, padded, in a buffer that is wiped.
func (a *Applet) secret(ctx context.Context, ins byte, reference PINReference, pins ...[]byte) error {
	data := make([]byte, 0, len(pins)*MaxPIN)
	defer func() { clear(data[:cap(data)]) }()
	for _, pin := range pins {
		if len(pin) < MinPIN || len(pin) > MaxPIN {
			return ErrPINLength
		}
		data = append(data, pin...)
		for i := len(pin); i < MaxPIN; i++ {
			data = append(data, pinFiller)
		}
	}
	_, err := a.call(ctx, command{ins: ins, p2: byte(reference), data: data, secret: true})
	err = pinError(err, reference)
	if reference != PUK {
		a.proved(err)
	}
	return err
}

// proved notes what a command with the PIN means for who gave it. After one whose
// answer was lost the card may have taken it.
func (a *Applet) proved(err error) {
	var wrong *PINError
	switch {
	case errors.As(err, &wrong) && wrong.Reference == PUK:
	case errors.As(err, &wrong): // nobody's login outlives a wrong PIN
		a.login.over()
		a.pin = pinFacts{tries: wrong.Tries, told: true}
	case err == nil || fatal(err):
		a.login.gave()
	}
}

// pinError reads the tries left out of a refusal.
func pinError(err error, reference PINReference) error {
	var status Status
	if !errors.As(err, &status) {
		return err
	}
	tries, counted := status.tries()
	switch {
	case counted:
		return &PINError{Reference: reference, Tries: tries}
	case status == StatusBlocked:
		return &PINError{Reference: reference, Tries: 0}
	case status == 0x6300: // "no information given"
		return &PINError{Reference: reference, Tries: -1}
	}
	return err
}
