package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/keybroker/keybroker/piv"
	"github.com/keybroker/keybroker/platform"
)

// findLimit bounds the look for cards: a slow one with 24 certificates takes
// some seconds, and a program that holds one may let it go.
const findLimit = 10 * time.Second

// minGUIDPrefix is how much of a GUID names a card.
const minGUIDPrefix = 4

// openCard finds the card that --card names, or the only one.
func (a *app) openCard(ctx context.Context, out, say io.Writer) (*cardWork, error) {
	changed := make(chan struct{}, 1)
	readers := piv.Watch(piv.Config{Event: func(piv.Event) {
		select {
		case changed <- struct{}{}:
		default:
		}
	}})
	w := &cardWork{cardOut: cardOut{out, say}, readers: readers, events: changed}
	if err := w.settle(ctx); err != nil {
		_ = readers.Close()
		return nil, err
	}
	handle, err := chooseCard(readers, a.card)
	if err != nil {
		_ = readers.Close()
		return nil, err
	}
	w.handle = handle
	return w, nil
}

// settle waits until every card that is in was read, or is known to be none.
func (w *cardWork) settle(ctx context.Context) error {
	limit := time.After(findLimit)
	for told := false; ; {
		state := w.readers.State()
		if settled(state) {
			return nil
		}
		if busy(state) && !told {
			w.waiting()
			told = true
		}
		select {
		case <-w.events:
		case <-limit:
			return nil // chooseCard says what is wrong
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

func settled(s piv.State) bool {
	if s.Service != piv.ServiceRunning {
		return s.Service != piv.ServiceStarting
	}
	for _, reader := range s.Readers {
		if reader.State == piv.ReaderReading || reader.State == piv.ReaderBusy {
			return false
		}
	}
	return true
}

func busy(s piv.State) bool {
	for _, reader := range s.Readers {
		if reader.State == piv.ReaderBusy {
			return true
		}
	}
	return false
}

// chooseCard picks the card that want names; "": the only one.
func chooseCard(readers *piv.Readers, want string) (*piv.Handle, error) {
	state, cards := readers.State(), readers.Cards()
	var fit []*piv.Handle
	for _, card := range cards {
		if want == "" || isCard(card, want) {
			fit = append(fit, card)
		}
	}
	switch {
	case len(fit) == 1:
		return fit[0], nil
	case state.Service != piv.ServiceRunning:
		return nil, serviceError(state)
	case len(fit) > 1:
		return nil, usageError{fmt.Errorf("several cards are in:\n%schoose one: --card SERIAL", describeCards(fit))}
	case len(cards) > 0:
		return nil, fmt.Errorf("no card is %q; in are:\n%schoose one: --card SERIAL", platform.Escape(want, 60), describeCards(cards))
	}
	return nil, noCard(state)
}

// isCard: serial number, ID, the start of the GUID, part of the reader's name.
func isCard(card *piv.Handle, want string) bool {
	token := card.Token()
	guid := strings.ReplaceAll(token.GUID.String(), "-", "")
	prefix := strings.ToLower(strings.ReplaceAll(strings.TrimPrefix(want, "guid:"), "-", ""))
	switch {
	case token.Serial != 0 && want == strconv.FormatUint(uint64(token.Serial), 10), want == token.ID:
		return true
	case token.GUID != piv.GUID{} && len(prefix) >= minGUIDPrefix && strings.HasPrefix(guid, prefix):
		return true
	}
	return strings.Contains(strings.ToLower(card.Reader()), strings.ToLower(want))
}

func describeCards(cards []*piv.Handle) string {
	var text strings.Builder
	for _, card := range cards {
		fmt.Fprintf(&text, "  %s, %s, in %q\n", card.Token().Name(), platform.Escape(card.Token().ID, 60), platform.Escape(card.Reader(), 80))
	}
	return text.String()
}

// noCard says what is in the readers instead of a card.
func noCard(s piv.State) error {
	var text strings.Builder
	for _, reader := range s.Readers {
		if reader.State != piv.ReaderEmpty {
			fmt.Fprintf(&text, "  %q: %s\n", platform.Escape(reader.Reader, 80), reader.State)
		}
		if reader.State == piv.ReaderBusy {
			return fmt.Errorf("no card can be used: %q: %w", platform.Escape(reader.Reader, 80), piv.ErrBusy)
		}
	}
	if text.Len() > 0 {
		return fmt.Errorf("no PIV card is in:\n%sput the card in and run this again", text.String())
	}
	return errors.New("no PIV card is in\nput the card in and run this again")
}

func serviceError(s piv.State) error {
	switch s.Service {
	case piv.ServiceRefuses:
		return piv.ErrDenied
	case piv.ServiceAbsent:
		return piv.ErrNoService
	case piv.ServiceNone:
		return piv.ErrNotCompiledIn
	}
	return piv.ErrNoAnswer
}
