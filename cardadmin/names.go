package cardadmin

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"github.com/keybroker/keybroker/agent/control"
	"github.com/keybroker/keybroker/piv"
	"github.com/keybroker/keybroker/piv/cardkeys"
	"github.com/keybroker/keybroker/platform"
	"github.com/keybroker/keybroker/problem"
)

// minNumber is how many characters of a GUID or of another long number name a card.
const minNumber = 4

// Names are the names of a card.
type Names struct {
	ID, Name, GUID string
	Reader         string // "": not inserted
	Serial         uint32 // 0: it has none
}

func namesOfHandle(card *piv.Handle) Names {
	token := card.Token()
	return Names{ID: token.ID, Name: token.Name(), GUID: token.GUID.String(), Serial: token.Serial, Reader: card.Reader()}
}

func namesOfCard(card control.Card) Names {
	return Names{ID: card.ID, Name: card.Name, GUID: card.GUID, Serial: card.Serial, Reader: card.Reader}
}

// fit rates how well text names the card: 3 for a whole name or number, 2 for the start
// of a number, 1 for a part of the reader's name, 0 for no match. The name may be written
// as in a key's comment ("YubiKey 12345678 slot 9a") or as in rules ("yubikey-12345678").
func (c Names) fit(text string) int {
	text, _, _ = strings.Cut(strings.TrimPrefix(text, "insert card: "), " slot ")
	number := plainNumber(text)
	_, last, _ := strings.Cut(strings.TrimPrefix(c.Name, "PIV "), " ")
	switch {
	case text == "":
		return 0
	case c.Serial != 0 && text == strconv.FormatUint(uint64(c.Serial), 10),
		cardkeys.Slug(text) == cardkeys.Slug(c.Name), strings.EqualFold(text, c.ID), text == last:
		return 3
	case len(number) >= minNumber && (strings.HasPrefix(plainNumber(c.ID), number) || strings.HasPrefix(plainNumber(c.GUID), number)):
		return 2
	case strings.Contains(strings.ToLower(c.Reader), strings.ToLower(text)):
		return 1
	}
	return 0
}

// plainNumber removes the kind ("guid:") and the dashes of a number.
func plainNumber(id string) string {
	if _, number, ok := strings.Cut(id, ":"); ok {
		id = number
	}
	return strings.ToLower(strings.ReplaceAll(id, "-", ""))
}

// bestFits returns the cards that text names best: a whole name goes before a part of
// one.
func bestFits[T any](cards []T, names func(T) Names, text string) (found []T) {
	best := 1
	for _, card := range cards {
		switch fit := names(card).fit(text); {
		case fit > best:
			best, found = fit, []T{card}
		case fit == best:
			found = append(found, card)
		}
	}
	return found
}

func severalCards[T any](cards []T, names func(T) Names) error {
	return UsageError{problem.With(fmt.Errorf("there is more than one card:%s", listNames(cards, names)), "choose one by a name that no other card has: --card NAME")}
}

func noSuchCard[T any](want string, cards []T, names func(T) Names) error {
	return UsageError{problem.With(fmt.Errorf("no card is called %q; the cards are:%s", platform.Escape(want, 60), listNames(cards, names)), "choose one: --card NAME")}
}

func listNames[T any](cards []T, names func(T) Names) string {
	var text strings.Builder
	for _, card := range cards {
		c := names(card)
		where := "out"
		if c.Reader != "" {
			where = fmt.Sprintf("in %q", platform.Escape(c.Reader, 80))
		}
		fmt.Fprintf(&text, "\n  %s, %s, %s", platform.Escape(c.Name, 80), platform.Escape(c.ID, 60), where)
	}
	return text.String()
}

// Find picks the card that want names, or if want is "" the only one.
func Find(cards []control.Card, want string) (control.Card, error) {
	found := cards
	if want != "" {
		found = bestFits(found, namesOfCard, want)
	}
	switch len(found) {
	case 0:
		return control.Card{}, noSuchCard(want, cards, namesOfCard)
	case 1:
		return found[0], nil
	}
	return control.Card{}, severalCards(found, namesOfCard)
}

// Known returns the broker's cards, or without a broker the inserted cards.
func Known(ctx context.Context, client func() (*control.Client, error)) (names []Names) {
	if broker, err := client(); err == nil {
		if cards, err := broker.Cards(ctx); err == nil {
			for _, card := range cards.Cards {
				names = append(names, namesOfCard(card))
			}
			return names
		}
	}
	if !piv.CompiledIn {
		return nil
	}
	w := watchCards(output{})
	defer w.close()
	_ = w.settle(ctx, func() {})
	for _, card := range w.readers.Cards() {
		names = append(names, namesOfHandle(card))
	}
	return names
}
