package broker

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"time"

	"github.com/keybroker/keybroker/agent/control"
	"github.com/keybroker/keybroker/confirm"
	"github.com/keybroker/keybroker/keys"
	"github.com/keybroker/keybroker/keys/publickey"
	"github.com/keybroker/keybroker/piv"
	"github.com/keybroker/keybroker/piv/cardkeys"
	"github.com/keybroker/keybroker/platform"
	"golang.org/x/crypto/ssh"
)

// maxText bounds what a card's maker chose, and a command.
const maxText = 72

// newCards starts to watch the cards; nil where the configuration wants none.
func (b *Broker) newCards() (*cardkeys.Source, error) {
	c := b.config
	if !c.PIV.Enabled {
		return nil, nil
	}
	return cardkeys.New(cardkeys.Config{
		File:     filepath.Join(c.Paths.StateDir, "cards.json"),
		PINCache: c.PIV.PINCache, Wait: c.Confirm.Timeout, Rules: c.PIV.Rules,
		Ask: b.askPIN, Notify: b.notify, Changed: b.feed.Changed, Log: b.log,
	})
}

// askPIN asks for a PIN as the person is asked everything else.
func (b *Broker) askPIN(ctx context.Context, q cardkeys.Question) ([]byte, error) {
	secret, err := b.queue.Secret(ctx, confirm.SecretQuestion{
		Title: q.Title, Text: q.Text, Prompt: q.Prompt, Error: q.Error,
		Use: q.Use, Facts: q.Use != nil, Why: q.Why, History: b.before(q.Use),
	})
	return secret, asRefusal(err)
}

func (b *Broker) notify(ctx context.Context, n cardkeys.Notice) error {
	return asRefusal(b.queue.Notify(ctx, confirm.Notice{Title: n.Title, Text: n.Text, Use: n.Use, Why: n.Why, History: b.before(n.Use)}))
}

func asRefusal(err error) error {
	if errors.Is(err, confirm.ErrClosed) {
		return fmt.Errorf("%w: %w", cardkeys.ErrRefused, err)
	}
	return err
}

// Cards is what `keybroker card list` and `card info` show.
func (b *Broker) Cards() control.Cards {
	if b.cards == nil {
		return control.Cards{Service: "switched off", Why: "[piv] enabled = false", Readers: []control.Reader{}, Cards: []control.Card{}}
	}
	state, cards := b.cards.State()
	list := control.Cards{Service: string(state.Service), Why: state.Why, Readers: []control.Reader{}, Cards: []control.Card{}}
	count, took := b.cards.Exchanges()
	list.Exchanges, list.ExchangeTimeMS = count, float64(took)/float64(time.Millisecond)
	for _, reader := range state.Readers {
		list.Readers = append(list.Readers, control.Reader{Name: reader.Reader, State: string(reader.State), Problem: reader.Problem})
	}
	for _, card := range cards {
		list.Cards = append(list.Cards, cardOf(card, b.cards.Rules()))
	}
	return list
}

// RefreshCards reads the cards again.
func (b *Broker) RefreshCards(ctx context.Context) error {
	if b.cards == nil {
		return nil
	}
	return b.cards.Refresh(ctx)
}

// ForgetCard drops what is remembered of a card.
func (b *Broker) ForgetCard(id string) bool { return b.cards != nil && b.cards.ForgetCard(id) }

func cardOf(card cardkeys.Card, rules []cardkeys.Rule) control.Card {
	if card.Token == nil {
		return outCard(card.Record)
	}
	t := card.Token
	shown := control.Card{ID: t.ID, Name: t.Name(), Kind: string(t.Kind), In: true, Reader: card.Reader, Serial: t.Serial,
		FASCN: t.FASCN, Expires: given(t.Expires), PINDefault: t.PINDefault, PINKeptUntil: given(card.PINKept),
		Slots: []control.CardSlot{}, Problems: t.Problems}
	if t.GUID != (piv.GUID{}) {
		shown.GUID = t.GUID.String()
	}
	if t.Version != (piv.Version{}) {
		shown.Version = t.Version.String()
	}
	if t.PINTries >= 0 {
		shown.PINTries = &t.PINTries
	}
	for _, slot := range t.Slots {
		shown.Slots = append(shown.Slots, slotOf(slot, cardkeys.Listed(t, slot, rules, time.Now())))
	}
	return shown
}

func outCard(record cardkeys.Record) control.Card {
	shown := control.Card{ID: record.ID, Name: record.Name, LastSeen: given(record.Seen), Slots: []control.CardSlot{}}
	for _, key := range record.Keys {
		slot := control.CardSlot{Slot: key.Slot.String(), Name: key.Slot.Name(), PublicKey: key.PublicKey, Listed: true}
		if pub, _, _, _, err := publickey.ParseLine([]byte(key.PublicKey)); err == nil {
			slot.Fingerprint = ssh.FingerprintSHA256(pub)
		}
		shown.Slots = append(shown.Slots, slot)
	}
	return shown
}

func slotOf(slot piv.SlotInfo, listed bool) control.CardSlot {
	shown := control.CardSlot{Slot: slot.Slot.String(), Name: slot.Slot.Name(), Listed: listed, EKU: slot.EKU(),
		PIN: string(slot.PIN), Touch: string(slot.Touch), Origin: slot.Origin, Problem: slot.Problem}
	if pub, err := ssh.NewPublicKey(slot.PublicKey); err == nil {
		shown.Algorithm = slot.Algorithm.String()
		shown.PublicKey, shown.Fingerprint = authorizedLine(pub), ssh.FingerprintSHA256(pub)
	}
	if cert := slot.Certificate; cert != nil {
		shown.Subject, shown.Issuer = cert.Subject.String(), cert.Issuer.String()
		shown.NotBefore, shown.NotAfter, shown.Expired = &cert.NotBefore, &cert.NotAfter, slot.Expired(time.Now())
	}
	return shown
}

func authorizedLine(pub ssh.PublicKey) string {
	line := ssh.MarshalAuthorizedKey(pub)
	return string(line[:len(line)-1])
}

// given is nil for the zero time.
func given(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}

// CardsInWords says how the cards do, for status.
func CardsInWords(cards control.Cards) string {
	if cards.Service != string(piv.ServiceRunning) {
		words := "smartcard service: " + cards.Service
		if cards.Service == string(piv.ServiceNone) {
			words = "not compiled into this program"
		}
		return words
	}
	in := len(cardsIn(cards))
	return fmt.Sprintf("%s, %s in, %d remembered", keys.Counted(len(cards.Readers), "reader"), keys.Counted(in, "card"), len(cards.Cards)-in)
}

// cardsIn names the cards that are in.
func cardsIn(cards control.Cards) []string {
	var names []string
	for _, card := range cards.Cards {
		if card.In {
			names = append(names, card.Name)
		}
	}
	return names
}

// cardProblems are what keeps cards from working. Where no card was ever seen,
// a smartcard service that does not run is none.
func cardProblems(cards control.Cards) []error {
	var problems []error
	switch piv.Service(cards.Service) {
	case piv.ServiceAbsent:
		if len(cards.Cards) > 0 {
			problems = append(problems, errors.New("the smartcard service does not run, so cards are not seen\n"+
				"start it: systemctl start pcscd.socket (package pcscd)"))
		}
	case piv.ServiceRefuses:
		problems = append(problems, errors.New("the smartcard service refuses this user\nsee its polkit rules (org.debian.pcsc-lite.access_pcsc)"))
	case piv.ServiceStuck:
		problems = append(problems, errors.New("the smartcard service does not answer\nrestart it: systemctl restart pcscd"))
	}
	for _, reader := range cards.Readers {
		if problem := readerProblem(reader); problem != nil {
			problems = append(problems, problem)
		}
	}
	for _, card := range cards.Cards {
		if card.PINTries != nil && *card.PINTries == 0 {
			problems = append(problems, fmt.Errorf("the PIN of %s is blocked\nunblock it with the PUK: keybroker card pin unblock", card.Name))
		}
		problems = append(problems, dataProblems(card)...)
	}
	return problems
}

// dataProblems are what is wrong with the data on a card, as `card info` has it.
func dataProblems(card control.Card) (problems []error) {
	tell := func(where, what string) {
		problems = append(problems, fmt.Errorf("%s%s: %s\nsee the whole: keybroker card info %s", platform.Escape(card.Name, maxText), where,
			platform.Escape(what, 2*maxText), cardkeys.Slug(card.Name)))
	}
	for _, problem := range card.Problems {
		tell("", problem)
	}
	for _, slot := range card.Slots {
		if slot.Problem != "" {
			tell(", slot "+slot.Slot, slot.Problem)
		}
	}
	return problems
}

func readerProblem(reader control.Reader) error {
	name := platform.Escape(reader.Name, maxText)
	switch piv.CardState(reader.State) {
	case piv.ReaderOldCAC:
		return fmt.Errorf("the card in %q is a CAC from before PIV, which cannot be used\nask its issuer for one with PIV", name)
	case piv.ReaderBusy:
		return fmt.Errorf("another program holds the card in %q exclusively\nclose it; for gpg: gpgconf --kill scdaemon, and \"disable-ccid\" in scdaemon.conf", name)
	case piv.ReaderMute, piv.ReaderFailing:
		return fmt.Errorf("the card in %q cannot be read: %s\npull it and put it in again", name, platform.Escape(reader.Problem, maxText))
	}
	return nil
}
