// Package cardadmin is the work behind `keybroker card`: setting up and looking after
// YubiKeys and other PIV smartcards, with the questions that it takes.
package cardadmin

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os/exec"

	"github.com/keybroker/keybroker/agent/control"
	"github.com/keybroker/keybroker/piv"
	"github.com/keybroker/keybroker/piv/admin"
	"github.com/keybroker/keybroker/platform"
	"github.com/keybroker/keybroker/problem"
)

// Config is what a command says of its work.
type Config struct {
	Card     string                          // which card, as Names has it; "": the only one
	Out, Say io.Writer                       // results, and what is said beside
	Helper   func() *exec.Cmd                // a process that runs admin.Serve
	NextStep func(w io.Writer, key string)   // says what a new key is good for
	Broker   func() (*control.Client, error) // is told of what changed
}

// UsageError is a card, a slot or a value that does not exist.
type UsageError struct{ error }

func (e UsageError) Unwrap() error { return e.error }

// RefusedError is that the person did not want it.
type RefusedError struct{ error }

func (e RefusedError) Unwrap() error { return e.error }

// Run finds the card, has do work on it, and lets it go. PINs and management keys pass
// through this process, so its memory is kept to itself first.
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

// tell has a running broker read the cards again, and then forget what it knew this
// one by when that is no more.
func (w *Work) tell(ctx context.Context, client func() (*control.Client, error)) {
	broker, err := client()
	if err == nil {
		err = broker.RefreshCards(ctx)
	}
	if w.strange && broker != nil {
		_ = broker.ForgetCard(ctx, w.token().ID) // it may not have known it
	}
	if err != nil && !errors.Is(err, control.ErrNotRunning) {
		fmt.Fprintln(w.say, "keybroker: the broker could not read the card again:", platform.Plain(err))
	}
}

// Work is what one command does with one card.
type Work struct {
	output
	readers *piv.Readers
	events  <-chan struct{} // something about the readers changed
	handle  *piv.Handle
	changed bool // something on the card was
	strange bool // what the broker knows the card by was, too

	helper   func() *exec.Cmd
	nextStep func(w io.Writer, key string)

	// What was typed and the card took, or what the card gave for it. Wiped by close.
	pin        []byte
	management []byte

	touchManagement bool // the card wants a touch for its management key
}

func (w *Work) close() {
	clear(w.pin)
	clear(w.management)
	_ = w.readers.Close() // a service that hangs must not keep us
}

func (w *Work) token() *piv.Token { return w.handle.Token() }

// do runs one operation of the PIV standard. Afterwards the card has forgotten
// PIN and management key, whichever program comes next.
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
	fmt.Fprintln(w.say, "Another program holds the card; waiting for it to let go.")
}

// yubico runs one operation that only a YubiKey has.
func (w *Work) yubico(ctx context.Context, request admin.Request) (admin.Answer, error) {
	w.handle.Release()
	request.Reader, request.Serial = w.handle.Reader(), w.token().Serial
	helper := admin.Helper{Command: w.helper, Waiting: w.waiting}
	w.changed = true
	w.strange = w.strange || request.Op == admin.OpReset || request.Op == admin.OpGenerate && request.Slot == piv.SlotCardAuthentication
	if request.ManagementKey != nil {
		w.sayTouch()
	}
	return helper.Run(ctx, request)
}

// needYubiKey refuses what other cards cannot do, or will not do for their holder.
func (w *Work) needYubiKey(what string) error {
	if w.token().Kind == piv.KindYubiKey {
		return nil
	}
	return problem.With(fmt.Errorf("%s: this card is no YubiKey, and its issuer keeps the management key: only the issuer's card management system can do that", what), "what its holder can do: keybroker card pin change, pin unblock, puk change, certificate export")
}

// withRemedy adds the next step to what went wrong with a card, unless it has one.
func withRemedy(err error) error {
	remedy := piv.Remedy(err)
	if remedy == "" {
		return err
	}
	return problem.WithDefault(err, "%s", remedy)
}
