package main

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/keybroker/keybroker/agent/control"
	"github.com/keybroker/keybroker/broker"
	"github.com/keybroker/keybroker/cardadmin"
	"github.com/keybroker/keybroker/cli"
	"github.com/keybroker/keybroker/keys"
	"github.com/keybroker/keybroker/piv"
	"github.com/keybroker/keybroker/platform"
	"github.com/keybroker/keybroker/problem"
	"github.com/spf13/cobra"
)

// maxCardCell bounds texts of a card's maker in a table, in characters.
const maxCardCell = 72

func newCardListCommand(a *app) *cobra.Command {
	return a.TableFlags(&cobra.Command{
		Use:   "list",
		Short: "List the cards and their keys, including cards that are not inserted",
		Long: `List the inserted PIV cards with every slot that holds a key, and the cards that
were seen before. LISTED says whether programs see the key. That depends on
[[piv.rule]]; without a rule they see every key of a YubiKey, and of any other
card the PIV authentication key (9a). RSA-1024 keys need a rule with "weak = true".`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			cards, err := a.cards(cmd)
			if err != nil {
				return err
			}
			return a.PrintList(cmd, cards, len(cards.Cards), "No card is known ("+broker.CardsInWords(cards)+").", func(w *cli.Table) { printCards(w, cards) })
		},
	})
}

func newCardInfoCommand(a *app) *cobra.Command {
	return a.TableFlags(&cobra.Command{
		Use:   "info [CARD]",
		Short: "Show everything that is known about a card",
		Long: `Show everything that is known about a card: its numbers, the PIN tries that are
left, and for each slot the key, its PIN and touch policy, and the certificate.

CARD is its ` + cardGrammar + `.
It can be omitted if there is only one card.`,
		Args:              cli.AtMost(1),
		ValidArgsFunction: a.completeOneCard,
		RunE: func(cmd *cobra.Command, args []string) error {
			card, err := a.oneCard(cmd, args)
			if err != nil {
				return err
			}
			return a.Print(cmd, card, func(w *cli.Table) { printCard(w, card) })
		},
	})
}

func newCardForgetCommand(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "forget [CARD]",
		Short: "Forget a card: its keys are no longer listed while it is not inserted",
		Long: `Forget a card: its keys are no longer listed while it is not inserted. An inserted
card is treated as a new one. That is needed after its card authentication key
(9e) was replaced.

CARD is its ` + cardGrammar + `.`,
		Args:              cli.AtMost(1),
		ValidArgsFunction: a.completeOneCard,
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 && a.card == "" {
				return cli.Usage(errors.New("name the card: keybroker card list"))
			}
			card, err := a.oneCard(cmd, args)
			if err != nil {
				return err
			}
			client, err := a.client()
			if err != nil {
				return err
			}
			if err := client.ForgetCard(cmd.Context(), card.ID); err != nil {
				return notRunning(err)
			}
			fmt.Fprintf(cmd.OutOrStdout(), "%s was forgotten.\n", platform.Escape(card.Name, maxCardCell))
			return nil
		},
	}
}

func (a *app) cards(cmd *cobra.Command) (control.Cards, error) {
	client, err := a.client()
	if err != nil {
		return control.Cards{}, err
	}
	cards, err := client.Cards(cmd.Context())
	return cards, notRunning(err)
}

// oneCard finds the card that an argument or --card names, or the only one.
func (a *app) oneCard(cmd *cobra.Command, args []string) (control.Card, error) {
	want := a.card
	if len(args) > 0 {
		if want != "" && want != args[0] {
			return control.Card{}, cli.Usage(problem.With(fmt.Errorf("two cards are named: %q and --card %q", args[0], want), "name one"))
		}
		want = args[0]
	}
	cards, err := a.cards(cmd)
	if err != nil {
		return control.Card{}, err
	}
	if len(cards.Cards) == 0 {
		return control.Card{}, problem.With(fmt.Errorf("there is no card: %s", broker.CardsInWords(cards)), "insert one, then: keybroker card list")
	}
	return cardadmin.Find(cards.Cards, want)
}

func printCards(w *cli.Table, cards control.Cards) {
	w.Head("CARD", "SLOT", "KEY", "LISTED", "PIN", "TOUCH", "CERTIFICATE OF", "EXPIRES")
	for _, card := range cards.Cards {
		name := platform.Escape(card.Name, maxCardCell)
		if !card.In {
			name += " (out, seen " + keys.Ago(time.Now(), *card.LastSeen) + ")"
		}
		if len(card.Slots) == 0 {
			w.Row(name, "", "no keys", "", "", "", "", "")
		}
		for _, slot := range card.Slots {
			w.Row(name, slot.Slot, slot.Algorithm, yesNo(slot.Listed), slot.PIN, slot.Touch,
				platform.Escape(slot.Subject, maxCardCell), expiry(slot))
			if slot.Problem != "" {
				w.Line("PROBLEM: slot " + slot.Slot + ": " + platform.Escape(slot.Problem, 2*maxCardCell))
			}
		}
		for _, problem := range card.Problems {
			w.Line("PROBLEM: " + platform.Escape(problem, 2*maxCardCell))
		}
	}
	for _, reader := range cards.Readers {
		if reader.State != string(piv.ReaderPIV) {
			w.Row(platform.Escape(reader.Name, maxCardCell), "", "("+reader.State+")", "", "", "", "", "")
			if reader.Problem != "" {
				w.Line("PROBLEM: " + platform.Escape(reader.Problem, 2*maxCardCell))
			}
		}
	}
	if len(cards.Readers) == 0 {
		w.Line("(" + broker.CardsInWords(cards) + ")")
	}
}

func expiry(slot control.CardSlot) string {
	switch {
	case slot.NotAfter == nil:
		return ""
	case slot.Expired:
		return slot.NotAfter.Format(time.DateOnly) + " EXPIRED"
	}
	return slot.NotAfter.Format(time.DateOnly)
}

func yesNo(yes bool) string {
	if yes {
		return "yes"
	}
	return "no"
}

func printCard(w *cli.Table, card control.Card) {
	w.Row("card", platform.Escape(card.Name, maxCardCell))
	if card.In {
		w.Row("in reader", platform.Escape(card.Reader, maxCardCell))
	} else {
		w.Row("out", "seen "+keys.Ago(time.Now(), *card.LastSeen))
	}
	w.Row("ID", card.ID)
	for _, fact := range [][2]string{{"firmware", card.Version}, {"FASC-N", card.FASCN}, {"expires", day(card.Expires)}} {
		if fact[1] != "" {
			w.Row(fact[0], fact[1])
		}
	}
	if card.In {
		w.Row("PIN", pinInWords(card))
	}
	for _, slot := range card.Slots {
		printSlot(w, slot)
	}
	for _, problem := range card.Problems {
		w.Row("PROBLEM", platform.Escape(problem, 2*maxCardCell))
	}
}

// publicKey is a fact that people copy, so its line is never broken.
const publicKey = "public key"

func printSlot(w *cli.Table, slot control.CardSlot) {
	w.Row("slot "+slot.Slot, slot.Name)
	facts := [][2]string{
		{"key", strings.TrimSpace(slot.Algorithm + " " + slot.Fingerprint)}, {publicKey, slot.PublicKey}, {"listed", yesNo(slot.Listed)},
		{"PIN", slot.PIN}, {"touch", slot.Touch}, {"made", slot.Origin},
		{"subject", platform.Escape(slot.Subject, 2*maxCardCell)}, {"issuer", platform.Escape(slot.Issuer, 2*maxCardCell)},
		{"usage", platform.Escape(strings.Join(slot.EKU, ", "), 2*maxCardCell)},
		{"valid", strings.TrimPrefix(day(slot.NotBefore)+" to "+expiry(slot), " to ")},
		{"PROBLEM", platform.Escape(slot.Problem, 2*maxCardCell)},
	}
	for _, fact := range facts {
		switch {
		case fact[1] == "":
		case fact[0] == publicKey:
			w.Whole("  "+fact[0], fact[1])
		default:
			w.Row("  "+fact[0], fact[1])
		}
	}
}

func day(t *time.Time) string {
	if t == nil {
		return ""
	}
	return t.Format(time.DateOnly)
}

func pinInWords(card control.Card) string {
	words := "tries left: unknown"
	if card.PINTries != nil {
		words = fmt.Sprintf("%d tries left", *card.PINTries)
	}
	if card.PINDefault {
		words += ", the factory's: change it (keybroker card pin change)"
	}
	if card.PINKeptUntil != nil {
		words += ", kept by the broker until " + card.PINKeptUntil.Local().Format(time.TimeOnly)
	}
	return words
}
