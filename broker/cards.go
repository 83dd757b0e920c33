package broker

import (
	"context"
	"fmt"
	"log/slog"
	"path/filepath"
	"time"

	"github.com/keybroker/keybroker/agent/control"
	"github.com/keybroker/keybroker/broker/config"
	"github.com/keybroker/keybroker/keys"
	"github.com/keybroker/keybroker/keys/publickey"
	"github.com/keybroker/keybroker/piv"
	"github.com/keybroker/keybroker/piv/cardkeys"
	"github.com/keybroker/keybroker/platform"
	"golang.org/x/crypto/ssh"
)

// maxText bounds texts that a card's maker or another program chose, in characters.
const maxText = 72

// cards are the person's PIV cards.
type cards struct{ source *cardkeys.Source } // nil: switched off

// newCards starts to watch the cards, unless the configuration switches them off.
func newCards(c *config.Config, person keys.Person, changed func(), log *slog.Logger) (cards, error) {
	if !c.PIV.Enabled {
		return cards{}, nil
	}
	source, err := cardkeys.New(cardkeys.Config{
		File:     filepath.Join(c.Paths.StateDir, "cards.json"),
		PINCache: c.PIV.PINCache, Wait: c.Confirm.Timeout, Rules: c.PIV.Rules,
		Person: person, Changed: changed, Log: log,
	})
	return cards{source}, err
}

func (c cards) close() error {
	if c.source == nil {
		return nil
	}
	return c.source.Close()
}

func (c cards) keys() []keys.Info {
	if c.source == nil {
		return nil
	}
	return c.source.List()
}

// shown is what `keybroker card list` and `card info` show.
func (c cards) shown() control.Cards {
	if c.source == nil {
		return control.Cards{Service: "switched off", Why: "[piv] enabled = false", Readers: []control.Reader{}, Cards: []control.Card{}}
	}
	state, cards := c.source.State()
	list := control.Cards{Service: string(state.Service), Why: state.Why, Readers: []control.Reader{}, Cards: []control.Card{}}
	count, took := c.source.Exchanges()
	list.Exchanges, list.ExchangeTimeMS = count, float64(took)/float64(time.Millisecond)
	for _, reader := range state.Readers {
		list.Readers = append(list.Readers, control.Reader{Name: reader.Reader, State: string(reader.State), Problem: reader.Problem})
	}
	for _, card := range cards {
		list.Cards = append(list.Cards, cardOf(card, c.source.Rules()))
	}
	return list
}

// refresh reads the cards again.
func (c cards) refresh(ctx context.Context) error {
	if c.source == nil {
		return nil
	}
	return c.source.Refresh(ctx)
}

// forget drops what is remembered about a card.
func (c cards) forget(id string) bool { return c.source != nil && c.source.ForgetCard(id) }

func cardOf(card cardkeys.Card, rules []cardkeys.Rule) control.Card {
	if card.Token == nil {
		return outCard(card.Record)
	}
	t := card.Token
	shown := control.Card{ID: t.ID, Name: t.Name(), Kind: string(t.Kind), In: true, Reader: card.Reader, Serial: t.Serial,
		FASCN: t.FASCN, Expires: timeOrNil(t.Expires), PINDefault: t.PINDefault, PINKeptUntil: timeOrNil(card.PINKept), HeldOpen: card.Held,
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
	shown := control.Card{ID: record.ID, Name: record.Name, LastSeen: timeOrNil(record.Seen), Slots: []control.CardSlot{}}
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

// timeOrNil is nil for the zero time.
func timeOrNil(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}

// CardsInWords sums up the smartcard service, readers and cards for status.
func CardsInWords(cards control.Cards) string {
	switch piv.Service(cards.Service) {
	case piv.ServiceRunning:
	case piv.ServiceNone:
		return "not compiled into this program"
	case piv.ServiceMissing:
		return piv.ErrNoLibrary.Error() + " (" + platform.InstallSmartcards + ")"
	default:
		return "smartcard service: " + cards.Service
	}
	in := len(cardsIn(cards))
	return fmt.Sprintf("%s, %s in, %d remembered", keys.Counted(len(cards.Readers), "reader"), keys.Counted(in, "card"), len(cards.Cards)-in)
}

// cardsIn names the cards that are in a reader.
func cardsIn(cards control.Cards) []string {
	var names []string
	for _, card := range cards.Cards {
		if card.In {
			names = append(names, card.Name)
		}
	}
	return names
}
