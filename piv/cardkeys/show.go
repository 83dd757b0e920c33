package cardkeys

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/keybroker/keybroker/piv"
)

// Rule is one [[piv.rule]] table: whether the keys that match it are listed.
// An absent field matches everything, but weak keys are matched only where they
// are named; the first rule that matches decides.
type Rule struct {
	Slot    string `toml:"slot" json:"slot,omitempty"`       // "9a", or a pattern: "8*"
	Subject string `toml:"subject" json:"subject,omitempty"` // of the certificate, as `card info` prints it, or a pattern
	Issuer  string `toml:"issuer" json:"issuer,omitempty"`
	EKU     string `toml:"eku" json:"eku,omitempty"`         // one of its extended key usages, or a pattern
	Expired *bool  `toml:"expired" json:"expired,omitempty"` // out of the certificate's time, or not
	Weak    bool   `toml:"weak" json:"weak,omitempty"`       // the RSA-1024 keys, and no others
	Action  string `toml:"action" json:"action"`             // "show" or "hide"
}

// The actions of a Rule.
const (
	ActionShow = "show"
	ActionHide = "hide"
)

// Validate says what is wrong with a rule.
func (r Rule) Validate() error {
	switch {
	case r.Action != ActionShow && r.Action != ActionHide:
		return fmt.Errorf(`unknown action %q: write "show" or "hide"`, r.Action)
	case r.Slot == "" && r.Subject == "" && r.Issuer == "" && r.EKU == "" && r.Expired == nil && !r.Weak && r.Action == ActionHide:
		return errors.New("the rule hides every key: name a slot, subject, issuer or eku")
	}
	return nil
}

func (r Rule) matches(slot piv.SlotInfo, now time.Time) bool {
	if r.Weak != weak(slot) || r.Slot != "" && !like(r.Slot, slot.Slot.String()) || r.Expired != nil && slot.Expired(now) != *r.Expired {
		return false
	}
	if r.Subject == "" && r.Issuer == "" && r.EKU == "" {
		return true
	}
	if slot.Certificate == nil {
		return false
	}
	return (r.Subject == "" || like(r.Subject, slot.Certificate.Subject.String())) &&
		(r.Issuer == "" || like(r.Issuer, slot.Certificate.Issuer.String())) &&
		(r.EKU == "" || anyLike(r.EKU, slot.EKU()))
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
		if rule.matches(slot, now) {
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

func anyLike(pattern string, values []string) bool {
	for _, value := range values {
		if like(pattern, value) {
			return true
		}
	}
	return false
}

// like compares without regard to case; a "*" stands for any text.
func like(pattern, value string) bool {
	pattern, value = strings.ToLower(pattern), strings.ToLower(value)
	parts := strings.Split(pattern, "*")
	if len(parts) == 1 {
		return pattern == value
	}
	rest, ok := strings.CutPrefix(value, parts[0])
	if !ok {
		return false
	}
	last := len(parts) - 1
	for _, part := range parts[1:last] {
		_, after, found := strings.Cut(rest, part)
		if !found {
			return false
		}
		rest = after
	}
	return strings.HasSuffix(rest, parts[last])
}
