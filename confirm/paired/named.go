package paired

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync"
	"time"

	"github.com/keybroker/keybroker/confirm"
	"github.com/keybroker/keybroker/confirm/ways"
	"github.com/keybroker/keybroker/platform"
)

// Seat is a terminal that wants to answer, with the program that holds it.
type Seat struct {
	Terminal *os.File      // opened by the broker; its reads and writes must end at deadlines
	Peer     platform.Peer // "keybroker approve"
	Sits     func() error  // nil while Peer is the same process in the foreground of Terminal

	// Paired hears that the code was right, and where it was typed; alone: on the
	// terminal itself. With an error the terminal does not answer.
	Paired  func(where string, alone bool) error
	Answers func() // the terminal answers from now on
}

// named is a terminal that the person named, for as long as its program holds
// the connection on which it was named. The broker reads and writes the terminal
// itself: no answer ever comes over a socket.
type named struct {
	terminal *ways.Terminal
	seat     Seat
	since    time.Time // when it began to answer
	ctx      context.Context
	end      context.CancelCauseFunc // gives it up, with the reason

	mu    sync.Mutex     // makes a talk begin before ctx ends or not at all
	talks sync.WaitGroup // what is on the terminal now
}

func newNamed(ctx context.Context, seat Seat) (*named, error) {
	t, err := ways.NewTerminal(seat.Terminal)
	if err != nil {
		return nil, err
	}
	n := &named{terminal: t, seat: seat}
	n.ctx, n.end = context.WithCancelCause(ctx)
	return n, nil
}

// close gives the terminal up, and lets it go when nothing is on it any more.
func (n *named) close() {
	n.mu.Lock()
	n.end(confirm.ErrTerminalGone)
	n.mu.Unlock()
	n.talks.Wait()
	_ = n.seat.Terminal.Close()
}

// begin counts a talk in, unless it is too late for one.
func (n *named) begin() error {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.ctx.Err() != nil {
		return n.gone()
	}
	n.talks.Add(1)
	return nil
}

func (n *named) name() string { return n.seat.Peer.Terminal }

// with talks to the person there. What it was told counts only if the program
// still sits there afterwards: else somebody else may have typed it, to a shell.
func (n *named) with(ctx context.Context, talk func(context.Context) error) error {
	if err := n.begin(); err != nil {
		return err
	}
	defer n.talks.Done()
	if err := n.here(); err != nil {
		return err
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	defer context.AfterFunc(n.ctx, func() { cancel(n.gone()) })()
	err := talk(ctx)
	switch {
	case n.ctx.Err() != nil:
		return n.gone()
	case err == nil:
		return n.here()
	}
	return err
}

func (n *named) here() error {
	if err := n.seat.Sits(); err != nil {
		return fmt.Errorf("%w: %s: %w", confirm.ErrTerminalGone, n.name(), err)
	}
	return nil
}

// gone says why it answers no more.
func (n *named) gone() error {
	cause := context.Cause(n.ctx)
	if errors.Is(cause, confirm.ErrTerminalGone) {
		return cause
	}
	return fmt.Errorf("%w: keybroker approve ended on %s\nstart it again", confirm.ErrTerminalGone, n.name())
}

func (n *named) Ask(ctx context.Context, q confirm.Question) (a confirm.Answer, err error) {
	err = n.with(ctx, func(ctx context.Context) error { a, err = n.terminal.Ask(ctx, q); return err })
	if err != nil {
		return confirm.Answer{}, err
	}
	return a, nil
}

func (n *named) Secret(ctx context.Context, q confirm.SecretQuestion) (secret []byte, err error) {
	err = n.with(ctx, func(ctx context.Context) error { secret, err = n.terminal.Secret(ctx, q); return err })
	if err != nil {
		clear(secret)
		return nil, err
	}
	return secret, nil
}

// Notify ends with the terminal, as a question does.
func (n *named) Notify(ctx context.Context, notice confirm.Notice) error {
	err := n.with(ctx, func(ctx context.Context) error { return n.terminal.Notify(ctx, notice) })
	if ctx.Err() != nil {
		return nil
	}
	return err
}

func (n *named) Name() string { return "terminal " + n.name() }
