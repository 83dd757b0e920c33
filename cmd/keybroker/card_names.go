package main

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/keybroker/keybroker/agent/control"
	"github.com/keybroker/keybroker/piv"
	"github.com/keybroker/keybroker/piv/cardkeys"
	"github.com/keybroker/keybroker/platform"
	"github.com/spf13/cobra"
)

const (
	// minNumber is how much of a GUID, or of another long number, names a card.
	minNumber = 4
	// completeLimit bounds the look for cards when the shell completes a name.
	completeLimit = 2 * time.Second
	// cardGrammar is what every command takes for a card.
	cardGrammar = "serial number, name, ID (guid:...) or the start of one, or part of the reader's name"
)

// cardNames is what a card can be called.
type cardNames struct {
	id, name, guid, reader string
	serial                 uint32
}

func namesOfHandle(card *piv.Handle) cardNames {
	token := card.Token()
	return cardNames{id: token.ID, name: token.Name(), guid: token.GUID.String(), serial: token.Serial, reader: card.Reader()}
}

func namesOfCard(card control.Card) cardNames {
	return cardNames{id: card.ID, name: card.Name, guid: card.GUID, serial: card.Serial, reader: card.Reader}
}

// fit says how well text names the card: 3 for a whole name or number, 2 for the
// start of a number, 1 for a part of the reader's name, 0 not at all. The name
// may be written as in a key's comment ("YubiKey 12345678 slot 9a") or as in
// rules ("yubikey-12345678").
func (c cardNames) fit(text string) int {
	text, _, _ = strings.Cut(strings.TrimPrefix(text, "insert card: "), " slot ")
	number := plainNumber(text)
	_, last, _ := strings.Cut(strings.TrimPrefix(c.name, "PIV "), " ")
	switch {
	case text == "":
		return 0
	case c.serial != 0 && text == strconv.FormatUint(uint64(c.serial), 10),
		cardkeys.Slug(text) == cardkeys.Slug(c.name), strings.EqualFold(text, c.id), text == last:
		return 3
	case len(number) >= minNumber && (strings.HasPrefix(plainNumber(c.id), number) || strings.HasPrefix(plainNumber(c.guid), number)):
		return 2
	case strings.Contains(strings.ToLower(c.reader), strings.ToLower(text)):
		return 1
	}
	return 0
}

// plainNumber is a number without its kind ("guid:") and dashes.
func plainNumber(id string) string {
	if _, number, ok := strings.Cut(id, ":"); ok {
		id = number
	}
	return strings.ToLower(strings.ReplaceAll(id, "-", ""))
}

// calledSo returns the cards that text names best: a whole name goes before a
// part of one.
func calledSo[T any](cards []T, names func(T) cardNames, text string) (found []T) {
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

func severalCards[T any](cards []T, names func(T) cardNames) error {
	return usageError{fmt.Errorf("there is more than one card:\n%schoose one by what only it has: --card NAME", listNames(cards, names))}
}

func noSuchCard[T any](want string, cards []T, names func(T) cardNames) error {
	return usageError{fmt.Errorf("no card is %q; there are:\n%schoose one: --card NAME", platform.Escape(want, 60), listNames(cards, names))}
}

func listNames[T any](cards []T, names func(T) cardNames) string {
	var text strings.Builder
	for _, card := range cards {
		c := names(card)
		where := "out"
		if c.reader != "" {
			where = fmt.Sprintf("in %q", platform.Escape(c.reader, 80))
		}
		fmt.Fprintf(&text, "  %s, %s, %s\n", platform.Escape(c.name, 80), platform.Escape(c.id, 60), where)
	}
	return text.String()
}

// completeCards completes the name of a card, as rules write it: without spaces.
func (a *app) completeCards(cmd *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
	var completions []string
	seen := map[string]bool{}
	for _, c := range a.knownCards(cmd.Context()) {
		name, where := cardkeys.Slug(c.name), "out"
		if seen[name] {
			name = c.id
		}
		seen[name] = true
		if c.reader != "" {
			where = "in " + platform.Escape(c.reader, maxCardCell)
		}
		completions = append(completions, cobra.CompletionWithDesc(name, where))
	}
	return completions, cobra.ShellCompDirectiveNoFileComp
}

func (a *app) completeOneCard(cmd *cobra.Command, args []string, text string) ([]string, cobra.ShellCompDirective) {
	if len(args) > 0 {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	return a.completeCards(cmd, args, text)
}

// knownCards are the broker's, or without one those that are in.
func (a *app) knownCards(ctx context.Context) (names []cardNames) {
	ctx, stop := context.WithTimeout(ctx, completeLimit)
	defer stop()
	if client, err := a.client(); err == nil {
		if cards, err := client.Cards(ctx); err == nil {
			for _, card := range cards.Cards {
				names = append(names, namesOfCard(card))
			}
			return names
		}
	}
	if !piv.CompiledIn {
		return nil
	}
	w := watchCards(cardOut{})
	defer w.close()
	w.settle(ctx, func() {})
	for _, card := range w.readers.Cards() {
		names = append(names, namesOfHandle(card))
	}
	return names
}
