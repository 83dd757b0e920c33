package policy

import (
	"time"

	"github.com/keybroker/keybroker/keys"
)

// Options are the settings outside the rules.
type Options struct {
	DefaultRemember time.Duration // the longest grant to offer when no rule matches
	// AsSSHAgent allows every signature that no rule matches, as ssh-agent does.
	// It is for the drop-in (decision 0008).
	AsSSHAgent bool
	Limits     Limits // set by the machine's owner
}

// Rules is an immutable list of rules, safe for concurrent use. The nil *Rules
// refuses everything.
type Rules struct {
	rules   []rule
	machine int // the first so many rules are the machine's
	options Options
	views   map[string]*view // by the socket's name
}

// Decision is what happens to one request, and the reason as the prompt, the
// audit log and `keybroker why` show it.
type Decision struct {
	Action    Action
	Rule      string        // the rule that decided; "": none
	Why       string        // a few words, never empty
	Remember  time.Duration // with Ask: the longest grant the rules let the prompt offer; see Offer
	Forwarded bool          // the rule says forwarded = true, so that a grant may cover forwarded requests
	AskFirst  bool          // with Ask: asking for a PIN or a touch is not enough
	Grant     string        // with Allow: the grant that allows what the rules ask about
	OwnerOnly bool          // with Ask: no rule of the user can allow it, only one of the machine's owner
	Remedy    string        // with Refuse: what a person can do about it; "": only change the rules
}

const (
	whyNone     = "no rule matches"
	whyUnknown  = "it is not known what would be signed: always ask"
	whyNotNamed = "only a rule that names this purpose can allow it"
	whyAgent    = "no rule matches: allowed as by ssh-agent"
	whyConfirm  = "the key was added with -c: always ask"
	whyListed   = "no rule hides it"
	whyNoRules  = "there are no rules to decide by"
	whyOtherOp  = "rules decide only about signing and listing"
)

// New puts the machine's rules before the user's, so that the user's rules cannot
// override them. The rules should have passed Validate.
func New(machine, user []Rule, options Options) *Rules {
	rs := &Rules{options: options, machine: len(machine), rules: make([]rule, 0, len(machine)+len(user))}
	for _, list := range [][]Rule{machine, user} {
		for _, r := range list {
			rs.rules = append(rs.rules, compileRule(r))
		}
	}
	return rs
}

// Decide decides whether a key may sign (keys.OpSign) and whether it is listed
// (keys.OpList: Allow or Refuse). It refuses every other operation.
func (rs *Rules) Decide(u *keys.Use) Decision {
	if rs == nil {
		return Decision{Action: Refuse, Why: whyNoRules}
	}
	if why := revoked(u); why != "" && u.Op == keys.OpSign { // a shorter list would not say why
		return Decision{Action: Refuse, Why: why, Remedy: remedyRevoked}
	}
	if err := rs.checkView(u); err != nil {
		return Decision{Action: Refuse, Why: err.Error()}
	}
	switch {
	case u.Op == keys.OpSign:
		return rs.sign(u)
	case u.Op == keys.OpList:
		return rs.list(u)
	}
	return Decision{Action: Refuse, Why: whyOtherOp}
}

// ForList returns the rules that may match a key in the list that u asks for. They decide
// about each of its keys as all rules do: a thousand rules take long for a thousand keys.
func (rs *Rules) ForList(u *keys.Use) *Rules {
	if rs == nil {
		return nil
	}
	fitting := *rs
	fitting.rules, fitting.machine = nil, 0
	for i := range rs.rules {
		if m, _ := rs.rules[i].matchAnyKey(u); m == no {
			continue
		}
		if i < rs.machine {
			fitting.machine++
		}
		fitting.rules = append(fitting.rules, rs.rules[i])
	}
	return &fitting
}

// Len is the number of rules.
func (rs *Rules) Len() int {
	if rs == nil {
		return 0
	}
	return len(rs.rules)
}

func (rs *Rules) sign(u *keys.Use) Decision {
	var first doubt
	for i := range rs.rules {
		r := &rs.rules[i]
		if r.Action == Allow && !r.mayAllow(u.Purpose) {
			continue
		}
		switch m, cause := r.match(u); {
		case m == yes:
			return rs.options.Limits.limit(rs.restrict(r.decision(), u, first), u, i >= rs.machine)
		case m == maybe && r.Action == Refuse:
			return doubt{r, cause}.refuse(i < rs.machine)
		case m == maybe && r.Action == Ask && first.rule == nil:
			first = doubt{rule: r, cause: cause}
		}
	}
	return rs.options.Limits.limit(rs.restrict(rs.defaultDecision(u), u, first), u, !rs.options.AsSSHAgent)
}

// restrict applies the restrictions that no rule can lift. It never widens d.
func (rs *Rules) restrict(d Decision, u *keys.Use, first doubt) Decision {
	var why string
	switch {
	case d.Action == Refuse:
		return d
	case d.Action == Ask && isUnknown(u.Purpose):
		why = whyUnknown
	case first.rule != nil:
		why = first.why()
		d.Rule, d.AskFirst = first.rule.Name, d.AskFirst || first.rule.AskFirst
	case u.Key.Confirm:
		why = whyConfirm
	default:
		return d
	}
	return Decision{Action: Ask, Rule: d.Rule, Why: why, AskFirst: d.AskFirst}
}

// list hides a key only when every request for it would be refused. Either a
// refuse rule without purpose and user matches (with one, match returns maybe)
// and no earlier rule may allow or ask; or no rule may allow or ask, and the
// socket refuses.
func (rs *Rules) list(u *keys.Use) Decision {
	for i := range rs.rules {
		r := &rs.rules[i]
		m, _ := r.match(u)
		if m == yes && r.Action == Refuse {
			return Decision{Action: Refuse, Rule: r.Name, Why: r.hides}
		}
		if m != no && r.Action != Refuse {
			return Decision{Action: Allow, Why: whyListed}
		}
	}
	if d := rs.defaultDecision(u); d.Action == Refuse {
		return d
	}
	return Decision{Action: Allow, Why: whyListed}
}
