package piv

import (
	"context"
	"errors"
	"fmt"
)

// The lengths of a PIN and a PUK (SP 800-73-4 part 2 section 2.4.3), and the byte
// that pads them.
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

// PINError means that the card refused a PIN or PUK.
type PINError struct {
	Reference PINReference
	Tries     int // left; 0: blocked, -1: the card does not say
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

// Blocked reports whether no try is left.
func (e *PINError) Blocked() bool { return e.Tries == 0 }

// ErrPINLength means that a PIN or PUK was not sent because of its length.
var ErrPINLength = fmt.Errorf("a PIN has %d to %d characters", MinPIN, MaxPIN)

// PINReference returns the PIN that the card's Discovery Object asks for.
func (a *Applet) PINReference(ctx context.Context) (PINReference, error) {
	if a.known {
		return a.reference, nil
	}
	discovery, err := a.Discovery(ctx)
	if err != nil && !errors.Is(err, errTLV) { // a damaged object counts as none
		return 0, err
	}
	a.reference, a.known = discovery.reference(), true
	return a.reference, nil
}

// Verify gives the PIN to the card. It returns a *PINError if the card refuses it.
// The PIN is sent once, and only to the PIV application.
func (a *Applet) Verify(ctx context.Context, pin []byte) error {
	reference, err := a.PINReference(ctx)
	if err != nil {
		return err
	}
	return a.secret(ctx, insVerify, reference, pin)
}

// PINGiven reports whether Verify gave the PIN on this connection. The card may have
// forgotten it since.
func (a *Applet) PINGiven() bool { return a.login.given() }

// PINStatus asks how many tries are left, without spending one (VERIFY without
// data, SP 800-73-4 part 2 section 3.2.1). verified means that the PIN was already
// given, by us or by another program; tries is then -1, because the card does not
// report them.
func (a *Applet) PINStatus(ctx context.Context) (tries int, verified bool, err error) {
	reference, err := a.PINReference(ctx)
	if err != nil {
		return -1, false, err
	}
	// secret, because the command could mean something else to another application
	_, err = a.call(ctx, command{ins: insVerify, p2: byte(reference), secret: true})
	if err == nil {
		a.login.seen()
		a.pin = pinFacts{tries: a.pin.tries, verified: true, known: true}
		return -1, true, nil
	}
	var wrong *PINError
	if err = pinError(err, reference); errors.As(err, &wrong) && wrong.Tries >= 0 {
		a.login.over()
		a.pin = pinFacts{tries: wrong.Tries, known: true}
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

// ResetPIN sets the application PIN with the PUK (RESET RETRY COUNTER). A wrong PUK
// costs one of its tries.
func (a *Applet) ResetPIN(ctx context.Context, puk, new []byte) error {
	err := a.secret(ctx, insResetRetryCounter, PINApplication, puk, new)
	var wrong *PINError
	if errors.As(err, &wrong) {
		wrong.Reference = PUK
	}
	return err
}

// secret sends padded PINs in a buffer that it wipes.
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

// proved updates the login after a command with the PIN. If the answer was lost,
// the card may have accepted the PIN.
func (a *Applet) proved(err error) {
	var wrong *PINError
	switch {
	case errors.As(err, &wrong) && wrong.Reference == PUK:
	case errors.As(err, &wrong): // a wrong PIN ends every login
		a.login.over()
		a.pin = pinFacts{tries: wrong.Tries, known: true}
	case err == nil || fatal(err):
		a.login.gave()
	}
}

// pinError turns a refusal that reports the tries left into a *PINError.
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
