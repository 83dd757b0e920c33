package piv

import (
	"context"
	"errors"
	"fmt"
)

// ErrStillVerified means that the card has not forgotten the PIN, whatever it said:
// a reset is left.
var ErrStillVerified = errors.New("the card does not forget the PIN")

// Logout makes the card forget that the PIN was given: by VERIFY with P1 = FF, else
// by a selection of another application. There are cards that answer 9000 to the
// first and change nothing, and a global PIN outlives the second, so the card is
// asked each time. The error wraps ErrStillVerified when neither helped.
func (a *Applet) Logout(ctx context.Context) error {
	for _, try := range []func(context.Context) error{a.forgetPIN, a.leave} {
		if err := try(ctx); fatal(err) {
			return err
		}
		_, verified, err := a.PINStatus(ctx)
		if err == nil && !verified || fatal(err) {
			return err
		}
	}
	return fmt.Errorf("log out: %w", ErrStillVerified)
}

// TakePINBack is Logout where we alone gave the PIN. In the transaction in which it
// was given, no other program ever finds it in the card.
func (a *Applet) TakePINBack(ctx context.Context) error {
	if !a.login.ours() {
		return nil
	}
	return a.Logout(ctx)
}

func (a *Applet) forgetPIN(ctx context.Context) error {
	reference, err := a.PINReference(ctx)
	if err != nil {
		return err
	}
	_, err = a.call(ctx, command{ins: insVerify, p1: 0xFF, p2: byte(reference), secret: true})
	return err
}

// leave selects another application, where the card has one, else PIV again.
func (a *Applet) leave(ctx context.Context) error {
	a.stale = true
	for _, aid := range aidOther {
		if _, err := a.selectAID(ctx, aid); err == nil || fatal(err) {
			return err
		}
	}
	_, err := a.selectPIV(ctx)
	return err
}

// EndSession makes the card forget that a PIN or the management key was given,
// so that no other program goes on where we were: it leaves the application. A
// global PIN outlives that, so it is logged out first. Where the PIN is still
// there, the Handle resets the card when it lets it go.
func (a *Applet) EndSession(ctx context.Context) error {
	given := a.PINGiven()
	if reference, err := a.PINReference(ctx); err == nil && reference == PINGlobal {
		if err := a.Logout(ctx); fatal(err) {
			return err
		}
	}
	if err := a.leave(ctx); err != nil || !given {
		return err
	}
	_, verified, err := a.PINStatus(ctx)
	if err != nil || verified {
		a.login.mustEnd()
	}
	return fatalOnly(err)
}
