// Package paired lets the person answer on a terminal of their choice ("keybroker
// approve"), in addition to the configured prompt.
package paired

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/keybroker/keybroker/confirm"
	"github.com/keybroker/keybroker/confirm/ways"
	"github.com/keybroker/keybroker/platform"
	"github.com/keybroker/keybroker/problem"
)

// Paired asks by the configured prompt and, while one is paired, on a terminal. With
// both, each question is shown in both places, and the first answer counts.
type Paired struct {
	way         confirm.Prompter     // the configured prompt
	onQuestion  func() (over func()) // see ways.Terminal
	exclusive   bool                 // only a paired terminal answers; way is used for pairing only
	refusal     error                // why no terminal may be paired; nil: one may
	now         func() time.Time
	codeTimeout time.Duration // codeTime; tests shorten it

	mu           sync.Mutex      // guards what follows; never held over a prompt
	current      *pairedTerminal // nil: no terminal is paired
	busy         bool            // a terminal is being paired
	blockedUntil time.Time       // no pairing before then: too many wrong codes
}

// New chooses the prompt that cfg asks for. Pair adds a terminal to it.
func New(cfg ways.Config) (*Paired, error) {
	way, err := ways.Choose(cfg)
	if err != nil {
		return nil, err
	}
	p := &Paired{way: way, onQuestion: cfg.OnQuestion, exclusive: cfg.Prompt == ways.PromptApprove, now: time.Now, codeTimeout: codeTime}
	switch cfg.Prompt {
	case "", ways.PromptAuto, ways.PromptApprove:
	default:
		p.refusal = problem.With(fmt.Errorf("[confirm] prompt = %q lets nothing else answer", cfg.Prompt), `set prompt = "auto" or "approve", and start the daemon again`)
	}
	return p, nil
}

var errUnpaired = problem.With(fmt.Errorf(`%w: prompt = "approve", and no terminal is paired`, confirm.ErrNoWay), "%s", ways.ApproveHere)

// Name names the places where a question would be shown now.
func (p *Paired) Name() string {
	n := p.currentTerminal()
	switch {
	case n == nil && p.exclusive:
		return "approve (no terminal is paired)"
	case n == nil:
		return p.way.Name()
	case p.terminalOnly():
		return n.Name()
	}
	return p.way.Name() + " and " + n.Name()
}

// CanAsk reports whether a question would reach anybody now.
func (p *Paired) CanAsk() bool { return p.currentTerminal() != nil || !p.exclusive && ways.Asks(p.way) }

// OnTerminal reports whether questions are shown on terminals only, in no window.
func (p *Paired) OnTerminal() bool {
	return p.currentTerminal() != nil && p.terminalOnly() || !p.exclusive && ways.OnTerminal(p.way)
}

// terminalOnly says that only a paired terminal can answer.
func (p *Paired) terminalOnly() bool {
	_, nothing := p.way.(ways.None)
	return p.exclusive || nothing
}

func (p *Paired) currentTerminal() *pairedTerminal {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.current
}

// Pairing describes the paired terminal.
type Pairing struct {
	Terminal string // "pts/3"
	Peer     platform.Peer
	Since    time.Time
}

// Pairing returns the paired terminal, if there is one.
func (p *Paired) Pairing() (Pairing, bool) {
	n := p.currentTerminal()
	if n == nil {
		return Pairing{}, false
	}
	return Pairing{Terminal: n.name(), Peer: n.candidate.Peer, Since: n.since}, true
}

// prompters returns all that would show a question now.
func (p *Paired) prompters() []confirm.Prompter {
	n := p.currentTerminal()
	switch {
	case n == nil && p.exclusive:
		return nil
	case n == nil:
		return []confirm.Prompter{p.way}
	case p.terminalOnly():
		return []confirm.Prompter{n}
	}
	return []confirm.Prompter{p.way, n}
}

// Ask returns the first answer.
func (p *Paired) Ask(ctx context.Context, q confirm.Question) (confirm.Answer, error) {
	return firstAnswer(ctx, p.prompters(), func(ctx context.Context, place confirm.Prompter) (confirm.Answer, error) { return place.Ask(ctx, q) })
}

// Secret returns the first secret that was typed.
func (p *Paired) Secret(ctx context.Context, q confirm.SecretQuestion) ([]byte, error) {
	return firstAnswer(ctx, p.prompters(), func(ctx context.Context, place confirm.Prompter) ([]byte, error) { return place.Secret(ctx, q) })
}

// Notify shows n everywhere until ctx ends or the person refuses it in one place.
func (p *Paired) Notify(ctx context.Context, n confirm.Notice) error {
	_, err := firstAnswer(ctx, p.prompters(), func(ctx context.Context, place confirm.Prompter) (struct{}, error) {
		return struct{}{}, place.Notify(ctx, n)
	})
	return err
}

type reply[T any] struct {
	value T
	err   error
}

// answered says that the person acted, if only to close the question. When one place
// fails, the other one may still answer.
func (r reply[T]) answered() bool { return r.err == nil || errors.Is(r.err, confirm.ErrClosed) }

// firstAnswer asks in all places at once, withdraws the question from the others when
// one has answered, and returns that answer. Later answers are wiped. When all places
// fail, it returns the first error.
func firstAnswer[T any](ctx context.Context, places []confirm.Prompter, ask func(context.Context, confirm.Prompter) (T, error)) (T, error) {
	var best reply[T]
	switch len(places) {
	case 0:
		return best.value, errUnpaired
	case 1:
		return ask(ctx, places[0])
	}
	ctx, withdraw := context.WithCancelCause(ctx)
	defer withdraw(nil)
	answers := make(chan reply[T], len(places))
	for _, place := range places {
		go func() {
			value, err := ask(ctx, place)
			answers <- reply[T]{value, err}
		}()
	}
	done := false
	for i := range places {
		a := <-answers
		switch {
		case !done && (i == 0 || a.answered()):
			best = a
		default:
			wipe(a.value)
		}
		if done = done || a.answered(); done {
			withdraw(confirm.ErrElsewhere)
		}
	}
	return best.value, best.err
}

func wipe(value any) {
	if secret, ok := value.([]byte); ok {
		clear(secret)
	}
}
