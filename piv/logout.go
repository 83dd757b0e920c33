package piv

import (
	"context"
	"errors"
	"fmt"
)

// ErrStillVerified means that the card still has the PIN after every attempt to
// clear it: only a reset helps.
var ErrStillVerified = errors.New("the card did not forget the PIN")

// Logout makes the card forget that the PIN was given: by VERIFY with P1 = FF, or
// by selecting another application. Some cards answer 9000 to the first and change
// nothing, and a global PIN survives the second, so Logout asks the card each time.
// The error wraps ErrStillVerified if neither helped.
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

// TakePINBack is Logout, but only if we alone gave the PIN. If it runs in the same
// transaction as Verify, no other program can use the PIN.
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

// leave selects another application, or PIV again if the card has no other.
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

// EndSession makes the card forget the PIN and the management key, so that no other
// program can use our session: it leaves the application. A global PIN survives
// that, so it is logged out first. If the card still has the PIN, the Handle resets
// the card when it releases it.
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
