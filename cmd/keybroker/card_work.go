package main

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/keybroker/keybroker/piv"
	"github.com/keybroker/keybroker/piv/admin"
)

// cardWork is what one command does with one card.
type cardWork struct {
	cardOut
	readers *piv.Readers
	events  <-chan struct{} // something about the readers changed
	handle  *piv.Handle
	changed bool // something on the card was
	strange bool // what the broker knows the card by was, too

	// What was typed and the card took, or what the card gave for it. Wiped by close.
	pin        []byte
	management []byte
}

func (w *cardWork) close() {
	clear(w.pin)
	clear(w.management)
	_ = w.readers.Close() // a service that hangs must not keep us
}

func (w *cardWork) token() *piv.Token { return w.handle.Token() }

// do runs one operation of the PIV standard. Afterwards the card has forgotten
// PIN and management key, whichever program comes next.
func (w *cardWork) do(ctx context.Context, run func(*piv.Applet) error) error {
	return piv.WhileBusy(ctx, w.waiting, func() error {
		return w.handle.Do(ctx, func(a *piv.Applet) error {
			if err := run(a); err != nil {
				_ = a.EndSession(ctx)
				return err
			}
			return a.EndSession(ctx)
		})
	})
}

func (w *cardWork) waiting() {
	fmt.Fprintln(w.say, "Another program holds the card; waiting for it to let go.")
}

// yubico runs one operation that only a YubiKey has.
func (w *cardWork) yubico(ctx context.Context, request admin.Request) (admin.Answer, error) {
	w.handle.Release()
	request.Reader, request.Serial = w.handle.Reader(), w.token().Serial
	helper := admin.Helper{Command: helperCommand, Waiting: w.waiting}
	w.changed = true
	w.strange = w.strange || request.Op == admin.OpReset || request.Op == admin.OpGenerate && request.Slot == piv.SlotCardAuthentication
	return helper.Run(ctx, request)
}

// needYubiKey refuses what other cards cannot do, or will not do for their holder.
func (w *cardWork) needYubiKey(what string) error {
	if w.token().Kind == piv.KindYubiKey {
		return nil
	}
	return fmt.Errorf("%s: this card is no YubiKey, and its issuer keeps the management key: only the issuer's card management system can do that\n"+
		"what its holder can do: keybroker card pin change, pin unblock, puk change, certificate export", what)
}

// withRemedy adds the next step to what went wrong with a card.
func withRemedy(err error) error {
	var wrong *piv.PINError
	if errors.As(err, &wrong) {
		if remedy := pinRemedy(wrong); remedy != "" {
			return fmt.Errorf("%w\n%s", err, remedy)
		}
		return err
	}
	for known, remedy := range map[error]string{
		piv.ErrBusy:          "end the program that holds it (gpg: gpgconf --kill scdaemon) and run this again",
		piv.ErrRemoved:       "put the card in and run this again: it goes on from where it was",
		piv.ErrReset:         "run this again",
		piv.ErrOtherCard:     "put the right card in and run this again; name it by --card",
		piv.ErrNoAnswer:      "take the card out, put it in again and run this again",
		piv.ErrNoService:     "start it: systemctl start pcscd.socket",
		piv.ErrDenied:        "a rule of polkit or the rights of pcscd's socket keep this user out",
		piv.ErrNotCompiledIn: "build it with cgo and libpcsclite-dev: CGO_ENABLED=1 go build ./cmd/keybroker",
	} {
		if errors.Is(err, known) {
			return fmt.Errorf("%w\n%s", err, remedy)
		}
	}
	var refused piv.Status
	if errors.As(err, &refused) && !strings.Contains(err.Error(), "\n") {
		return fmt.Errorf("%w\n%s", err, refused.Remedy())
	}
	return err
}

func pinRemedy(wrong *piv.PINError) string {
	switch {
	case wrong.Blocked() && wrong.Reference == piv.PUK:
		return "a YubiKey whose PIN and PUK are blocked can only be reset: keybroker card reset; for another card ask its issuer"
	case wrong.Blocked():
		return "unblock it with the PUK: keybroker card pin unblock"
	}
	return "nothing was changed, and nothing is tried again by itself"
}
