package policy

import (
	"fmt"
	"time"

	"github.com/keybroker/keybroker/keys"
)

// Limits are the machine owner's limits on the user's rules: the `[limits]` table
// of policy.toml. The zero value limits nothing.
type Limits struct {
	Allow    *bool          `toml:"allow"`     // false: ask about what the user's rules and sockets allow
	Remember *time.Duration `toml:"remember"`  // the longest grant that the user's rules may offer
	AskFirst string         `toml:"ask_first"` // "forwarded", "all": for such requests a PIN or a touch is not enough
}

// The values of Limits.AskFirst.
const (
	AskFirstForwarded = "forwarded"
	AskFirstAll       = "all"
)

const whyOwner = "the machine's owner does not let the user's rules allow it"

// limit applies the owner's limits to a decision. byUser: the user's rules or
// sockets made it.
func (l Limits) limit(d Decision, u *keys.Use, byUser bool) Decision {
	if byUser && d.Action == Allow && l.Allow != nil && !*l.Allow {
		d = Decision{Action: Ask, Rule: d.Rule, Why: whyOwner}
	}
	if d.Action != Ask {
		return d
	}
	d.OwnerOnly = l.Allow != nil && !*l.Allow
	if byUser && l.Remember != nil {
		d.Remember = min(d.Remember, *l.Remember)
	}
	if l.AskFirst == AskFirstAll || l.AskFirst == AskFirstForwarded && u.Destination.Forwarded {
		d.AskFirst = true
	}
	return d
}

// Check returns the first wrong field and what is wrong with it.
func (l Limits) Check() (field string, err error) {
	switch {
	case l.Remember != nil && (*l.Remember < 0 || *l.Remember > MaxRemember):
		return "remember", fmt.Errorf("%s is not between 0s and %s", keys.ShortDuration(*l.Remember), keys.ShortDuration(MaxRemember))
	case l.AskFirst != "" && l.AskFirst != AskFirstForwarded && l.AskFirst != AskFirstAll:
		return "ask_first", fmt.Errorf(`%q is not known: use "forwarded" or "all"`, l.AskFirst)
	}
	return "", nil
}

// widened lists what the new limits no longer forbid.
func (l Limits) widened(new Limits) (why []string) {
	if l.Allow != nil && !*l.Allow && (new.Allow == nil || *new.Allow) {
		why = append(why, "the machine's owner lets the user's rules allow")
	}
	if l.Remember != nil && (new.Remember == nil || *new.Remember > *l.Remember) {
		why = append(why, "the machine's owner lets the user's rules offer longer grants")
	}
	rank := map[string]int{AskFirstForwarded: 1, AskFirstAll: 2}
	if rank[new.AskFirst] < rank[l.AskFirst] {
		why = append(why, "the machine's owner asks first for fewer requests")
	}
	return why
}
