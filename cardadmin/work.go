// Package cardadmin is the work behind `keybroker card`: it sets up and maintains
// YubiKeys and other PIV smartcards, and asks the questions for that.
package cardadmin

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/keybroker/keybroker/agent/control"
	"github.com/keybroker/keybroker/piv"
	"github.com/keybroker/keybroker/platform"
	"github.com/keybroker/keybroker/problem"
)

// Config is what a command passes to Run.
type Config struct {
	Card     string                          // name of the card, as in Names; "": the only one
	Out, Say io.Writer                       // for results and for remarks
	NextStep func(w io.Writer, key string)   // explains how to use a new key
	Broker   func() (*control.Client, error) // the running broker, which hears of changes
}

// UsageError means that a card, a slot or a value does not exist.
type UsageError struct{ error }

func (e UsageError) Unwrap() error { return e.error }

// RefusedError means that the person refused.
type RefusedError struct{ error }

func (e RefusedError) Unwrap() error { return e.error }

// Run finds the card, calls do and releases the card. It first protects the memory of
// this process, which PINs and management keys pass through.
func Run(ctx context.Context, c Config, do func(*Work) error) error {
	if !piv.CompiledIn {
		return withRemedy(piv.ErrNotCompiledIn)
	}
	if _, err := platform.Harden(); err != nil {
		return err
	}
	w, err := open(ctx, c)
	if err != nil {
		return withRemedy(err)
	}
	defer w.close()
	err = do(w)
	if w.changed {
		w.tell(ctx, c.Broker)
	}
	return withRemedy(err)
}

// tell has a running broker read the cards again. If the card's identity changed, the
// broker then forgets the old one.
func (w *Work) tell(ctx context.Context, client func() (*control.Client, error)) {
	broker, err := client()
	if err == nil {
		err = broker.RefreshCards(ctx)
	}
	if w.strange && broker != nil {
		_ = broker.ForgetCard(ctx, w.token().ID) // the broker may not know the card
	}
	if err != nil && !errors.Is(err, control.ErrNotRunning) {
		fmt.Fprintln(w.say, "keybroker: the broker could not read the card again:", platform.Plain(err))
	}
}

// Work is what one command does with one card.
type Work struct {
	output
	readers *piv.Readers
	events  <-chan struct{} // signals that the readers changed
	handle  *piv.Handle
	changed bool // the card was changed
	strange bool // the broker does not recognize the card any more

	nextStep func(w io.Writer, key string)

	// Secrets that the person typed and the card accepted, or that the card gave in
	// return. close wipes them.
	pin        []byte
	management []byte

	touchManagement bool // the management key needs a touch
}

func (w *Work) close() {
	clear(w.pin)
	clear(w.management)
	_ = w.readers.Close() // a service that hangs must not delay the end
}

func (w *Work) token() *piv.Token { return w.handle.Token() }

// do runs one operation of the PIV standard. Afterwards the card has forgotten PIN and
// management key, so that the next program cannot use them.
func (w *Work) do(ctx context.Context, run func(*piv.Applet) error) error {
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

func (w *Work) waiting() {
	fmt.Fprintln(w.say, "Another program holds the card. Waiting until it releases the card.")
}

// yubico runs one operation that only a YubiKey has, after it was given the management
// key if proved. It may take minutes, and Ctrl-C does not stop it once it has begun.
func (w *Work) yubico(ctx context.Context, proved bool, run func(context.Context, *piv.Applet) error) error {
	return piv.WhileBusy(ctx, w.waiting, func() error {
		return w.handle.Patiently(ctx, func(ctx context.Context, a *piv.Applet) (err error) {
			w.changed = true
			if proved {
				err = w.proveManagement(ctx, a, w.management)
			}
			if err == nil {
				err = run(ctx, a)
			}
			ended := a.EndSession(ctx)
			return cmp.Or(err, ended)
		})
	})
}

// needYubiKey refuses operations that other cards cannot do or do not allow their holder.
func (w *Work) needYubiKey(what string) error {
	if w.token().Kind == piv.KindYubiKey {
		return nil
	}
	return problem.With(fmt.Errorf("%s: this card is not a YubiKey, and its issuer keeps the management key: only the issuer's card management system can do that", what), "its holder can: keybroker card pin change, pin unblock, puk change, certificate export")
}

// withRemedy adds the remedy of a card's error, unless it has one.
func withRemedy(err error) error {
	remedy := piv.Remedy(err)
	if remedy == "" {
		return err
	}
	return problem.WithDefault(err, "%s", remedy)
}
