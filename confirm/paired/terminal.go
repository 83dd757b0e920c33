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
	"github.com/keybroker/keybroker/problem"
)

// Candidate is a terminal that is to answer questions, and the program that runs on it.
type Candidate struct {
	Terminal   *os.File      // opened by the broker; must support read and write deadlines
	Peer       platform.Peer // "keybroker approve"
	StillThere func() error  // nil while Peer is the same process in the foreground of Terminal

	// Confirmed is called when the right code was typed, with the place where it was
	// typed. alone: that was the terminal itself. An error cancels the pairing.
	Confirmed func(where string, alone bool) error
	Started   func() // called when the terminal begins to answer
}

// pairedTerminal is a terminal on which "keybroker approve" runs. It lasts as long as
// that program keeps its connection to the broker. The broker reads and writes the
// terminal directly: no answer ever comes over a socket.
type pairedTerminal struct {
	terminal  *ways.Terminal
	candidate Candidate
	since     time.Time // when it began to answer
	ctx       context.Context
	end       context.CancelCauseFunc // ends the pairing, with the reason

	mu    sync.Mutex     // no talk begins after ctx has ended
	talks sync.WaitGroup // those that use the terminal now
}

func newPairedTerminal(ctx context.Context, candidate Candidate, onQuestion func() (over func())) (*pairedTerminal, error) {
	t, err := ways.NewTerminal(candidate.Terminal)
	if err != nil {
		return nil, err
	}
	t.OnQuestion = onQuestion
	n := &pairedTerminal{terminal: t, candidate: candidate}
	n.ctx, n.end = context.WithCancelCause(ctx)
	return n, nil
}

// close ends the pairing and closes the terminal once nothing uses it.
func (n *pairedTerminal) close() {
	n.mu.Lock()
	n.end(confirm.ErrTerminalGone)
	n.mu.Unlock()
	n.talks.Wait()
	_ = n.candidate.Terminal.Close()
}

// beginTalk adds to talks, unless the pairing has ended.
func (n *pairedTerminal) beginTalk() error {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.ctx.Err() != nil {
		return n.endReason()
	}
	n.talks.Add(1)
	return nil
}

func (n *pairedTerminal) name() string { return n.candidate.Peer.Terminal }

// talk runs say, which uses the terminal. Its result counts only if the program is
// still there afterwards: otherwise the input may have been meant for a shell.
func (n *pairedTerminal) talk(ctx context.Context, say func(context.Context) error) error {
	if err := n.beginTalk(); err != nil {
		return err
	}
	defer n.talks.Done()
	if err := n.checkPresence(); err != nil {
		return err
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	defer context.AfterFunc(n.ctx, func() { cancel(n.endReason()) })()
	err := say(ctx)
	switch {
	case n.ctx.Err() != nil:
		return n.endReason()
	case err == nil:
		return n.checkPresence()
	}
	return err
}

func (n *pairedTerminal) checkPresence() error {
	if err := n.candidate.StillThere(); err != nil {
		return fmt.Errorf("%w: %s: %w", confirm.ErrTerminalGone, n.name(), err)
	}
	return nil
}

// endReason says why the pairing ended.
func (n *pairedTerminal) endReason() error {
	cause := context.Cause(n.ctx)
	if errors.Is(cause, confirm.ErrTerminalGone) {
		return cause
	}
	return problem.With(fmt.Errorf("%w: keybroker approve ended on %s", confirm.ErrTerminalGone, n.name()), "start it again")
}

func (n *pairedTerminal) Ask(ctx context.Context, q confirm.Question) (a confirm.Answer, err error) {
	err = n.talk(ctx, func(ctx context.Context) error { a, err = n.terminal.Ask(ctx, q); return err })
	if err != nil {
		return confirm.Answer{}, err
	}
	return a, nil
}

func (n *pairedTerminal) Secret(ctx context.Context, q confirm.SecretQuestion) (secret []byte, err error) {
	err = n.talk(ctx, func(ctx context.Context) error { secret, err = n.terminal.Secret(ctx, q); return err })
	if err != nil {
		clear(secret)
		return nil, err
	}
	return secret, nil
}

// Notify ends with the pairing, as a question does.
func (n *pairedTerminal) Notify(ctx context.Context, notice confirm.Notice) error {
	err := n.talk(ctx, func(ctx context.Context) error { return n.terminal.Notify(ctx, notice) })
	if ctx.Err() != nil {
		return nil
	}
	return err
}

func (n *pairedTerminal) Name() string { return "terminal " + n.name() }
