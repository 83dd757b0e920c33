package cardkeys

import (
	"strings"
	"time"

	"golang.org/x/crypto/ssh"

	"github.com/keybroker/keybroker/keys"
	"github.com/keybroker/keybroker/piv"
	"github.com/keybroker/keybroker/platform"
)

// maxLabel bounds the card's own text in a comment.
const maxLabel = 64

// inventory describes all cards at one moment. It is immutable.
type inventory struct {
	infos  []keys.Info
	byBlob map[string]*place
	cards  []*piv.Handle
}

// place is where a key is: its card and slot.
type place struct {
	info   keys.Info
	slot   piv.Slot
	card   string      // its name
	handle *piv.Handle // nil: the card is not inserted
}

// take makes the inventory of the inserted and the remembered cards.
func (s *Source) take(cards []*piv.Handle) *inventory {
	v := &inventory{byBlob: map[string]*place{}}
	in, reading := map[string]bool{}, map[string]bool{}
	for _, handle := range cards {
		token := handle.Token()
		if in[token.ID] && token.ID != "" {
			continue // a second card with this number: only the first counts
		}
		in[token.ID], reading[token.ID] = true, token.Reading
		v.cards = append(v.cards, handle)
		for _, slot := range listed(token, s.cfg.Rules, time.Now()) {
			if pub, err := ssh.NewPublicKey(slot.PublicKey); err == nil {
				v.add(keyInfo(token.Name(), slot.Slot, pub, holder(slot)), slot.Slot, token.Name(), handle)
			}
		}
	}
	for _, card := range s.keeper.cards() {
		if !in[card.ID] || reading[card.ID] { // a request for a key waits until the card is read
			for _, key := range card.Keys {
				v.add(outInfo(card, key), key.Slot, card.Name, nil)
			}
		}
	}
	return v
}

// add lists a key once; callers add inserted cards first.
func (v *inventory) add(info keys.Info, slot piv.Slot, card string, handle *piv.Handle) {
	if v.byBlob[string(info.Blob)] != nil {
		return
	}
	v.byBlob[string(info.Blob)] = &place{info: info, slot: slot, card: card, handle: handle}
	v.infos = append(v.infos, info)
}

func (v *inventory) find(blob []byte) (place, bool) {
	if found := v.byBlob[string(blob)]; found != nil {
		return *found, true
	}
	return place{}, false
}

func (v *inventory) has(handle *piv.Handle) bool {
	for _, h := range v.cards {
		if h == handle {
			return true
		}
	}
	return false
}

// keyInfo describes a key on a card: "YubiKey 12345678 slot 9a (DOE.JANE)".
func keyInfo(card string, slot piv.Slot, pub ssh.PublicKey, holder string) keys.Info {
	comment := platform.Escape(card, maxLabel) + " slot " + slot.String()
	if holder != "" {
		comment += " (" + holder + ")"
	}
	info := keys.NewInfo(pub, comment)
	info.Source, info.Name = "cards", Slug(card)+"-"+slot.String()
	return info
}

func outInfo(card Record, key RecordKey) keys.Info {
	info := keyInfo(card.Name, key.Slot, key.public, key.Holder)
	info.State = "insert " + platform.Escape(card.Name, maxLabel)
	info.Comment = "insert card: " + info.Comment
	return info
}

// holder is the common name of the certificate's subject.
func holder(slot piv.SlotInfo) string {
	if slot.Certificate == nil {
		return ""
	}
	return platform.Escape(slot.Certificate.Subject.CommonName, maxLabel)
}

// Slug turns a card's name into a name for rules: "YubiKey 12345678" becomes
// "yubikey-12345678".
func Slug(name string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case 'a' <= r && r <= 'z', '0' <= r && r <= '9':
			return r
		case 'A' <= r && r <= 'Z':
			return r | 0x20
		}
		return '-'
	}, name)
}
