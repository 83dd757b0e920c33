package cardadmin

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/keybroker/keybroker/piv"
	"github.com/keybroker/keybroker/platform"
	"github.com/keybroker/keybroker/problem"
)

// findLimit bounds the search for cards: a slow one with 24 certificates takes some
// seconds, and a program that holds one may release it.
const findLimit = 10 * time.Second

// readLimit bounds the reading of a slow card: a command must know what each slot holds
// before it changes one.
const readLimit = 5 * time.Minute

// open finds the card that c names, or the only one.
func open(ctx context.Context, c Config) (*Work, error) {
	w := watchCards(output{c.Out, c.Say})
	if err := w.settle(ctx, w.waiting); err != nil {
		_ = w.readers.Close()
		return nil, err
	}
	handle, err := chooseCard(w.readers, c.Card)
	if err == nil && handle.Token().Reading {
		err = problem.New("the card could not be read completely", "remove it, insert it and run this again")
	}
	if err != nil {
		_ = w.readers.Close()
		return nil, err
	}
	w.handle, w.nextStep = handle, c.NextStep
	return w, nil
}

func watchCards(out output) *Work {
	changed := make(chan struct{}, 1)
	readers := piv.Watch(piv.Config{Event: func(piv.Event) {
		select {
		case changed <- struct{}{}:
		default:
		}
	}})
	return &Work{output: out, readers: readers, events: changed}
}

// settle waits until every inserted card was read or proved not to be a PIV card. It
// calls waiting once if another program holds a card.
func (w *Work) settle(ctx context.Context, waiting func()) error {
	limit, end := time.After(findLimit), time.After(readLimit)
	for told := false; ; {
		state := w.readers.State()
		if isSettled(state) {
			return nil
		}
		if isBusy(state) && !told {
			waiting()
			told = true
		}
		select {
		case <-w.events:
		case <-limit:
			if !isReading(state) {
				return nil // chooseCard reports the error
			}
		case <-end:
			return nil
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

func isSettled(s piv.State) bool {
	if s.Service != piv.ServiceRunning {
		return s.Service != piv.ServiceStarting
	}
	for _, reader := range s.Readers {
		if reader.State == piv.ReaderReading || reader.State == piv.ReaderBusy {
			return false
		}
	}
	return !isReading(s)
}

// isReading reports whether a card is still being read.
func isReading(s piv.State) bool {
	return slices.ContainsFunc(s.Readers, func(r piv.ReaderInfo) bool { return r.Token != nil && r.Token.Reading })
}

func isBusy(s piv.State) bool {
	for _, reader := range s.Readers {
		if reader.State == piv.ReaderBusy {
			return true
		}
	}
	return false
}

// chooseCard picks the card that want names, or if want is "" the only one.
func chooseCard(readers *piv.Readers, want string) (*piv.Handle, error) {
	state, cards := readers.State(), readers.Cards()
	fit := cards
	if want != "" {
		fit = bestFits(cards, namesOfHandle, want)
	}
	switch {
	case len(fit) == 1:
		return fit[0], nil
	case state.Service != piv.ServiceRunning:
		return nil, serviceError(state)
	case len(fit) > 1:
		return nil, severalCards(fit, namesOfHandle)
	case len(cards) > 0:
		return nil, noSuchCard(want, cards, namesOfHandle)
	}
	return nil, noCard(state)
}

// noCard is the error that no PIV card is inserted. It lists what is in the readers.
func noCard(s piv.State) error {
	var text strings.Builder
	for _, reader := range s.Readers {
		if reader.State != piv.ReaderEmpty {
			fmt.Fprintf(&text, "\n  %q: %s", platform.Escape(reader.Reader, 80), reader.State)
		}
		if reader.State == piv.ReaderBusy {
			return fmt.Errorf("no card can be used: %q: %w", platform.Escape(reader.Reader, 80), piv.ErrBusy)
		}
	}
	if text.Len() > 0 {
		return problem.With(fmt.Errorf("no PIV card is inserted:%s", text.String()), "insert the card and run this again")
	}
	return problem.New("no PIV card is inserted", "insert the card and run this again")
}

func serviceError(s piv.State) error {
	switch s.Service {
	case piv.ServiceRefuses:
		return piv.ErrDenied
	case piv.ServiceAbsent:
		return piv.ErrNoService
	case piv.ServiceMissing:
		return piv.ErrNoLibrary
	case piv.ServiceNone:
		return piv.ErrNotCompiledIn
	}
	return piv.ErrNoAnswer
}
