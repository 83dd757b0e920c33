package policy

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"

	"github.com/keybroker/keybroker/keys"
)

// Widened says what the new rules may let through that the old ones did not: a
// request, a longer grant, one question less, a key in a list. It is empty only
// when the rules' text alone shows that there is nothing: where that cannot be
// told, the rules count as wider.
func Widened(old, new *Rules) []string {
	switch {
	case new == nil:
		return nil
	case old == nil:
		return []string{"no rules were in force"}
	}
	return slices.Concat(widenedOptions(old.options, new.options), widenedRules(old, new), widenedViews(old, new))
}

func widenedOptions(old, new Options) (why []string) {
	if new.DefaultRemember > old.DefaultRemember {
		why = append(why, fmt.Sprintf("the longest grant when no rule matches: %s became %s", old.DefaultRemember, new.DefaultRemember))
	}
	if new.AsSSHAgent && !old.AsSSHAgent {
		why = append(why, "what no rule matches is allowed")
	}
	return append(why, old.Limits.widened(new.Limits)...)
}

// subject is what a rule speaks of, without what it says of it.
type subject struct {
	machine                                              bool
	key, host, user, program, purpose, socket, forwarded string
}

// subjects are those of the rules, in their order.
func (rs *Rules) subjects() []subject {
	list := make([]subject, len(rs.rules))
	for i := range rs.rules {
		r := &rs.rules[i].Rule
		list[i] = subject{i < rs.machine, r.Key, r.Host, r.User, r.Program, r.Purpose, r.Socket, ""}
		if r.Forwarded != nil {
			list[i].forwarded = strconv.FormatBool(*r.Forwarded)
		}
	}
	return list
}

// MaxCompared bounds the work of a comparison, in pairs of rules: a thousand rules
// with a thousand take some milliseconds. Longer lists count as wider.
const MaxCompared = 4_000_000

func widenedRules(old, new *Rules) []string {
	if len(old.rules)*len(new.rules) > MaxCompared {
		return []string{"there are too many rules to compare"}
	}
	before, after := old.subjects(), new.subjects()
	if follows(old, new, before, after) {
		return nil
	}
	var allows, others []string // what a question has no room for comes last
	add := func(r *rule, what string) {
		list := &others
		if r.Action == Allow {
			list = &allows
		}
		*list = append(*list, fmt.Sprintf("rule %q (%s) %s", r.Name, r.Action, what))
	}
	for i, s := range before {
		if r := &old.rules[i]; !droppable(r) && !slices.Contains(after, s) {
			add(r, "is gone")
		}
	}
	for j, s := range after {
		r, i := &new.rules[j], slices.Index(before, s)
		switch {
		case i < 0 && r.Action != Refuse:
			add(r, "is new")
		case i >= 0 && !narrows(old, i, r):
			add(r, "says more than before")
		}
	}
	if len(allows)+len(others) == 0 {
		return []string{"the rules stand in another order"}
	}
	return slices.Concat(allows, others)
}

// droppable rules let nothing more through when they are gone.
func droppable(r *rule) bool { return r.Action == Allow && r.List == "" }

// follows says whether the old rules become the new ones by steps that let nothing
// more through: a refusal is added, an allowance dropped, a rule made narrower. It
// goes over all pairs from the end: can[j] is whether the old rules from i on
// become the new ones from j on.
func follows(old, new *Rules, before, after []subject) bool {
	can := make([]bool, len(after)+1)
	for i := len(before); i >= 0; i-- {
		last := slices.Clone(can) // that of i+1
		for j := len(after); j >= 0; j-- {
			switch {
			case i == len(before) && j == len(after):
				can[j] = true
			case j < len(after) && new.rules[j].Action == Refuse && can[j+1],
				i < len(before) && droppable(&old.rules[i]) && last[j],
				i < len(before) && j < len(after) && before[i] == after[j] && last[j+1] && narrows(old, i, &new.rules[j]):
				can[j] = true
			default:
				can[j] = false
			}
		}
	}
	return can[0]
}

// narrows says whether rule r of the new rules, which has the subject of rule i of
// the old ones, lets no more through.
func narrows(old *Rules, i int, r *rule) bool {
	was := &old.rules[i]
	switch {
	case r.List != was.List:
		return false
	case r.Action == Allow:
		return was.Action == Allow
	case r.Action == Refuse:
		return true
	case r.Action == Ask && was.Action == Ask:
		return r.Remember <= was.Remember && (r.AskFirst || !was.AskFirst)
	case r.Action == Ask && was.Action == Allow:
		return matchesTheSame(r) || asksNoMore(old, i, r)
	}
	return false
}

// matchesTheSame reports whether an allow rule that now asks matches the same
// requests as before. Unless it names them, an allow rule does not match forwarded
// requests, separate sockets, other ports of its host, and purposes other than
// login and sshsig.
func matchesTheSame(r *rule) bool {
	return r.Forwarded != nil && r.Socket != "" && r.Purpose != "" && r.Host == ""
}

// asksNoMore is about an allow rule that asks now and matches more requests than
// before: whether the later rules, which decided those, asked about them too, and
// remembered an answer as long.
func asksNoMore(old *Rules, i int, r *rule) bool {
	if r.Forwarded != nil && *r.Forwarded && r.Remember > 0 { // without a rule, no answer to such a request is remembered
		return false
	}
	for _, v := range old.views {
		if v.Action == Refuse {
			return false
		}
	}
	decides := func(later rule) bool { return later.Action != Allow }
	return r.Remember <= old.options.DefaultRemember && !slices.ContainsFunc(old.rules[i+1:], decides)
}

func widenedViews(old, new *Rules) (why []string) {
	for name, v := range new.views {
		was, ok := old.views[name]
		if !ok {
			why = append(why, fmt.Sprintf("the socket %q is new", name))
			continue
		}
		if !within(v.Keys, was.Keys, v.keys, was.keys) || !within(v.Hosts, was.Hosts, v.hosts, was.hosts) || was.ReadOnly && !v.ReadOnly || rank(v.Action) > rank(was.Action) {
			why = append(why, fmt.Sprintf("the socket %q shows or lets through more", name))
		}
	}
	slices.Sort(why)
	return why
}

// within compares lists of which nil stands for everything.
func within(new, old []string, patterns, before keys.Patterns) bool {
	if old == nil || new == nil {
		return old == nil
	}
	return patterns.Within(before)
}

// rank orders actions from the narrowest. A view without one asks.
func rank(a Action) int { return slices.Index([]Action{Refuse, Ask, Allow}, cmp.Or(a, Ask)) }
