package policy

import (
	"fmt"
	"time"

	"github.com/keybroker/keybroker/keys"
)

// Limits are what the machine's owner sets for the rules of the user, whatever
// these say: the `[limits]` table of policy.toml. The zero value limits nothing.
type Limits struct {
	Allow    *bool          `toml:"allow"`     // false: what a rule or socket of the user allows is asked
	Remember *time.Duration `toml:"remember"`  // the longest grant that a rule of the user may offer
	AskFirst string         `toml:"ask_first"` // "forwarded", "all": no PIN prompt and no touch is the answer to such a request
}

// The values of Limits.AskFirst.
const (
	AskFirstForwarded = "forwarded"
	AskFirstAll       = "all"
)

const whyOwner = "the machine's owner lets no rule of the user allow it"

// limit applies the owner's limits to a decision. byUser: no rule of the owner made it.
func (l Limits) limit(d Decision, u *keys.Use, byUser bool) Decision {
	if byUser && d.Action == Allow && l.Allow != nil && !*l.Allow {
		d = Decision{Action: Ask, Rule: d.Rule, Why: whyOwner}
	}
	if d.Action != Ask {
		return d
	}
	if byUser && l.Remember != nil {
		d.Remember = min(d.Remember, *l.Remember)
	}
	if l.AskFirst == AskFirstAll || l.AskFirst == AskFirstForwarded && u.Destination.Forwarded {
		d.AskFirst = true
	}
	return d
}

// Check returns what is wrong with the limits, by the field's name.
func (l Limits) Check() (field string, err error) {
	switch {
	case l.Remember != nil && (*l.Remember < 0 || *l.Remember > MaxRemember):
		return "remember", fmt.Errorf("%s is not between 0s and %s", *l.Remember, MaxRemember)
	case l.AskFirst != "" && l.AskFirst != AskFirstForwarded && l.AskFirst != AskFirstAll:
		return "ask_first", fmt.Errorf(`%q is not known: use "forwarded" or "all"`, l.AskFirst)
	}
	return "", nil
}

// widened says what new limits no longer forbid.
func (l Limits) widened(new Limits) (why []string) {
	if l.Allow != nil && !*l.Allow && (new.Allow == nil || *new.Allow) {
		why = append(why, "the machine's owner lets rules of the user allow")
	}
	if l.Remember != nil && (new.Remember == nil || *new.Remember > *l.Remember) {
		why = append(why, "the machine's owner lets rules of the user offer longer grants")
	}
	rank := map[string]int{AskFirstForwarded: 1, AskFirstAll: 2}
	if rank[new.AskFirst] < rank[l.AskFirst] {
		why = append(why, "the machine's owner asks first for fewer requests")
	}
	return why
}
