package cardkeys

import (
	"errors"
	"fmt"
	"time"

	"github.com/keybroker/keybroker/keys"
	"github.com/keybroker/keybroker/piv"
)

// Rule is one [[piv.rule]] table: it says whether the keys that match it are
// listed. The first rule that matches decides. An absent field matches everything,
// except that only a rule with Weak matches weak keys.
type Rule struct {
	Slot    string `toml:"slot" json:"slot,omitempty"`       // patterns, as keys.Patterns: "9a", "8*"
	Subject string `toml:"subject" json:"subject,omitempty"` // of the certificate, as in `card info`
	Issuer  string `toml:"issuer" json:"issuer,omitempty"`
	EKU     string `toml:"eku" json:"eku,omitempty"`         // one of its extended key usages
	Expired *bool  `toml:"expired" json:"expired,omitempty"` // whether the certificate is outside its validity period
	Weak    bool   `toml:"weak" json:"weak,omitempty"`       // matches only the RSA-1024 keys
	Action  string `toml:"action" json:"action"`             // "show" or "hide"
}

// The actions of a Rule.
const (
	ActionShow = "show"
	ActionHide = "hide"
)

// How the fields compare. X.500 names ignore case (RFC 5280 section 7.1) and
// contain commas.
const (
	anyCase = keys.FoldASCII
	name    = keys.FoldUnicode | keys.CommasInside
)

func matches(list string, style keys.PatternStyle, texts ...string) bool {
	return keys.ParsePatterns(list, style).Match(texts...)
}

// Validate returns what is wrong with a rule.
func (r Rule) Validate() error {
	for _, field := range []struct {
		name, list string
		style      keys.PatternStyle
	}{{"slot", r.Slot, anyCase}, {"subject", r.Subject, name}, {"issuer", r.Issuer, name}, {"eku", r.EKU, anyCase}} {
		if err := keys.CheckPatterns(field.list, field.style); err != nil {
			return fmt.Errorf("%s: bad pattern %q: %w", field.name, field.list, err)
		}
	}
	switch {
	case r.Action != ActionShow && r.Action != ActionHide:
		return fmt.Errorf(`unknown action %q: write "show" or "hide"`, r.Action)
	case r.Slot == "" && r.Subject == "" && r.Issuer == "" && r.EKU == "" && r.Expired == nil && !r.Weak && r.Action == ActionHide:
		return errors.New("the rule hides every key: name a slot, subject, issuer or eku")
	}
	return nil
}

func (r Rule) isFor(slot piv.SlotInfo, now time.Time) bool {
	if r.Weak != weak(slot) || r.Slot != "" && !matches(r.Slot, anyCase, slot.Slot.String()) || r.Expired != nil && slot.Expired(now) != *r.Expired {
		return false
	}
	if r.Subject == "" && r.Issuer == "" && r.EKU == "" {
		return true
	}
	if slot.Certificate == nil {
		return false
	}
	return (r.Subject == "" || matches(r.Subject, name, slot.Certificate.Subject.String())) &&
		(r.Issuer == "" || matches(r.Issuer, name, slot.Certificate.Issuer.String())) &&
		(r.EKU == "" || matches(r.EKU, anyCase, slot.EKU()...))
}

// listed returns the slots whose keys are listed, in the order of piv.Slots.
func listed(token *piv.Token, rules []Rule, now time.Time) []piv.SlotInfo {
	var list []piv.SlotInfo
	for _, slot := range token.Slots {
		if Listed(token, slot, rules, now) {
			list = append(list, slot)
		}
	}
	return list
}

// Listed reports whether a slot's key is listed. A key that is not listed never
// signs. If no rule matches it:
//
//   - A weak key is not listed.
//   - On a YubiKey, every other key is listed: its owner put it there.
//   - On any other card, only the PIV authentication key is listed. The issuer's
//     other keys are for mail and doors, and a server's MaxAuthTries is small.
//     They are listed only if the card has no PIV authentication slot. One that
//     cannot be read counts: the key for doors, which needs no PIN, must not
//     replace it.
func Listed(token *piv.Token, slot piv.SlotInfo, rules []Rule, now time.Time) bool {
	if slot.PublicKey == nil || slot.NoKey {
		return false
	}
	for _, rule := range rules {
		if rule.isFor(slot, now) {
			return rule.Action == ActionShow
		}
	}
	if weak(slot) {
		return false
	}
	if token.Kind == piv.KindYubiKey || slot.Slot == piv.SlotAuthentication {
		return true
	}
	_, ok := token.Slot(piv.SlotAuthentication)
	return !ok
}

// weak reports whether a well-funded attacker can break the key: RSA-1024, disallowed
// since 2013.
func weak(slot piv.SlotInfo) bool { return slot.Algorithm == piv.RSA1024 }
