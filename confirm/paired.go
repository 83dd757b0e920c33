package confirm

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/keybroker/keybroker/platform"
)

// Paired asks in another way, and on a terminal that the person has named, while
// there is one ("keybroker approve"). Where both are there, the question is shown
// in both, and the first answer counts.
type Paired struct {
	way      Prompter // that needs no pairing
	only     bool     // nothing but a paired terminal answers; way asks about pairing only
	closed   string   // why no terminal can be paired; "": one can
	now      func() time.Time
	patience time.Duration // codeTime, but in tests

	mu      sync.Mutex // guards what follows; never held over a prompt
	current *named     // nil: no terminal is paired
	busy    bool       // one is being paired
	rest    time.Time  // until then none is paired: too many wrong codes
}

// NewPaired puts the possibility to name a terminal beside the way that cfg asks for.
func NewPaired(cfg Config) (*Paired, error) {
	way, err := Choose(cfg)
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

var errUnpaired = fmt.Errorf("%w: prompt = \"approve\", and no terminal is paired\n%s", errNoWay, approveHere)

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

// alone says that there is no other way to ask.
func (p *Paired) alone() bool {
	_, nothing := p.way.(none)
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
func (p *Paired) places() []Prompter {
	n := p.named()
	switch {
	case n == nil && p.only:
		return nil
	case n == nil:
		return []Prompter{p.way}
	case p.alone():
		return []Prompter{n}
	}
	return []Prompter{p.way, n}
}

// Ask returns the first answer.
func (p *Paired) Ask(ctx context.Context, q Question) (Answer, error) {
	return first(ctx, p.places(), func(ctx context.Context, place Prompter) (Answer, error) { return place.Ask(ctx, q) })
}

// Secret returns what was typed first.
func (p *Paired) Secret(ctx context.Context, q SecretQuestion) ([]byte, error) {
	if q.pairing != nil {
		return nil, p.compare(ctx, q)
	}
	return first(ctx, p.places(), func(ctx context.Context, place Prompter) ([]byte, error) { return place.Secret(ctx, q) })
}

// Notify shows n in both places until ctx ends or it is refused in one.
func (p *Paired) Notify(ctx context.Context, n Notice) error {
	_, err := first(ctx, p.places(), func(ctx context.Context, place Prompter) (struct{}, error) { return struct{}{}, place.Notify(ctx, n) })
	return err
}

// errElsewhere withdraws a question that was answered in the other place.
var errElsewhere = errors.New("answered in another place")

type said[T any] struct {
	value T
	err   error
}

// answered says that a person did something, if only to close the question. A
// place that failed leaves the question to the other one.
func (s said[T]) answered() bool { return s.err == nil || errors.Is(s.err, ErrClosed) }

// first asks in all places at once and returns the first answer, after the
// others are withdrawn. What came too late is wiped. With no answer it is the first error.
func first[T any](ctx context.Context, places []Prompter, ask func(context.Context, Prompter) (T, error)) (T, error) {
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
			withdraw(errElsewhere)
		}
	}
	return best.value, best.err
}

func wipe(value any) {
	if secret, ok := value.([]byte); ok {
		clear(secret)
	}
}
