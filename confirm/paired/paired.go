// Package paired lets a terminal that the person named answer ("keybroker
// approve"), beside the way to ask that the configuration chose.
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
)

// Paired asks in another way, and on a terminal that the person has named, while
// there is one ("keybroker approve"). Where both are there, the question is shown
// in both, and the first answer counts.
type Paired struct {
	way      confirm.Prompter // that needs no pairing
	only     bool             // nothing but a paired terminal answers; way asks about pairing only
	closed   string           // why no terminal can be paired; "": one can
	now      func() time.Time
	patience time.Duration // codeTime, but in tests

	mu      sync.Mutex // guards what follows; never held over a prompt
	current *named     // nil: no terminal is paired
	busy    bool       // one is being paired
	rest    time.Time  // until then none is paired: too many wrong codes
}

// New puts the possibility to name a terminal beside the way that cfg asks for.
func New(cfg ways.Config) (*Paired, error) {
	way, err := ways.Choose(cfg)
	if err != nil {
		return nil, err
	}
	p := &Paired{way: way, only: cfg.Prompt == "approve", now: time.Now, patience: codeTime}
	switch cfg.Prompt {
	case "", "auto", "approve":
	default:
		p.closed = fmt.Sprintf("[confirm] prompt = %q lets nothing else answer\nset prompt = \"auto\" or \"approve\", and start the daemon again", cfg.Prompt)
	}
	return p, nil
}

var errUnpaired = fmt.Errorf("%w: prompt = \"approve\", and no terminal is paired\n%s", confirm.ErrNoWay, ways.ApproveHere)

// Name says where it would ask now.
func (p *Paired) Name() string {
	n := p.named()
	switch {
	case n == nil && p.only:
		return "approve (no terminal is paired)"
	case n == nil:
		return p.way.Name()
	case p.alone():
		return n.Name()
	}
	return p.way.Name() + " and " + n.Name()
}

// CanAsk says whether there is somebody to ask now.
func (p *Paired) CanAsk() bool { return p.named() != nil || !p.only && ways.Asks(p.way) }

// alone says that there is no other way to ask.
func (p *Paired) alone() bool {
	_, nothing := p.way.(ways.None)
	return p.only || nothing
}

func (p *Paired) named() *named {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.current
}

// Pairing is a terminal that answers now.
type Pairing struct {
	Terminal string // "pts/3"
	Peer     platform.Peer
	Since    time.Time
}

// Pairing is the terminal that answers now, if there is one.
func (p *Paired) Pairing() (Pairing, bool) {
	n := p.named()
	if n == nil {
		return Pairing{}, false
	}
	return Pairing{Terminal: n.name(), Peer: n.seat.Peer, Since: n.since}, true
}

// places are the prompters that a question is shown by.
func (p *Paired) places() []confirm.Prompter {
	n := p.named()
	switch {
	case n == nil && p.only:
		return nil
	case n == nil:
		return []confirm.Prompter{p.way}
	case p.alone():
		return []confirm.Prompter{n}
	}
	return []confirm.Prompter{p.way, n}
}

// Ask returns the first answer.
func (p *Paired) Ask(ctx context.Context, q confirm.Question) (confirm.Answer, error) {
	return first(ctx, p.places(), func(ctx context.Context, place confirm.Prompter) (confirm.Answer, error) { return place.Ask(ctx, q) })
}

// Secret returns what was typed first.
func (p *Paired) Secret(ctx context.Context, q confirm.SecretQuestion) ([]byte, error) {
	return first(ctx, p.places(), func(ctx context.Context, place confirm.Prompter) ([]byte, error) { return place.Secret(ctx, q) })
}

// Notify shows n in both places until ctx ends or it is refused in one.
func (p *Paired) Notify(ctx context.Context, n confirm.Notice) error {
	_, err := first(ctx, p.places(), func(ctx context.Context, place confirm.Prompter) (struct{}, error) {
		return struct{}{}, place.Notify(ctx, n)
	})
	return err
}

type said[T any] struct {
	value T
	err   error
}

// answered says that a person did something, if only to close the question. A
// place that failed leaves the question to the other one.
func (s said[T]) answered() bool { return s.err == nil || errors.Is(s.err, confirm.ErrClosed) }

// first asks in all places at once and returns the first answer, after the
// others are withdrawn. What came too late is wiped. With no answer it is the first error.
func first[T any](ctx context.Context, places []confirm.Prompter, ask func(context.Context, confirm.Prompter) (T, error)) (T, error) {
	var best said[T]
	switch len(places) {
	case 0:
		return best.value, errUnpaired
	case 1:
		return ask(ctx, places[0])
	}
	ctx, withdraw := context.WithCancelCause(ctx)
	defer withdraw(nil)
	answers := make(chan said[T], len(places))
	for _, place := range places {
		go func() {
			value, err := ask(ctx, place)
			answers <- said[T]{value, err}
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
