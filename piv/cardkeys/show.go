package cardkeys

import (
	"errors"
	"fmt"
	"time"

	"github.com/keybroker/keybroker/keys"
	"github.com/keybroker/keybroker/piv"
)

// Rule is one [[piv.rule]] table: whether the keys that match it are listed.
// An absent field matches everything, but weak keys are matched only where they
// are named; the first rule that matches decides.
type Rule struct {
	Slot    string `toml:"slot" json:"slot,omitempty"`       // patterns, as keys.Patterns: "9a", "8*"
	Subject string `toml:"subject" json:"subject,omitempty"` // of the certificate, as `card info` prints it
	Issuer  string `toml:"issuer" json:"issuer,omitempty"`
	EKU     string `toml:"eku" json:"eku,omitempty"`         // one of its extended key usages
	Expired *bool  `toml:"expired" json:"expired,omitempty"` // out of the certificate's time, or not
	Weak    bool   `toml:"weak" json:"weak,omitempty"`       // the RSA-1024 keys, and no others
	Action  string `toml:"action" json:"action"`             // "show" or "hide"
}

// The actions of a Rule.
const (
	ActionShow = "show"
	ActionHide = "hide"
)

// How the fields compare: as X.500 names do (RFC 5280, 7.1), which have commas.
const (
	anyCase = keys.FoldCase
	name    = keys.FoldCase | keys.CommasInside
)

func matches(list string, style keys.PatternStyle, texts ...string) bool {
	return keys.ParsePatterns(list, style).Match(texts...)
}

// Validate says what is wrong with a rule.
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

// Listed says whether a slot's key is listed. Where no rule speaks of it: on a
// YubiKey every key, as its owner put it there; on any other card the PIV
// authentication key alone, as the issuer's other ones are for mail, doors and
// old mail, and a server's MaxAuthTries is short. One that cannot be read is there
// all the same: the key for doors, which asks for no PIN, must not stand in for it. A weak key is never listed then,
// and what is not listed never signs.
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

// weak keys can be broken by anyone with means: RSA-1024, disallowed since 2013.
func weak(slot piv.SlotInfo) bool { return slot.Algorithm == piv.RSA1024 }
