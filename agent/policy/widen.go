package policy

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"

	"github.com/keybroker/keybroker/keys"
)

// Widened lists what the new rules may let through that the old ones did not: a
// request, a longer grant, one question less, a key in a list. It is empty only
// when the text of the rules proves that there is nothing: in doubt, the rules
// count as wider.
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
		why = append(why, "requests that no rule matches are allowed")
	}
	return append(why, old.Limits.widened(new.Limits)...)
}

// subject is the conditions of a rule, without its action.
type subject struct {
	machine                                              bool
	key, host, user, program, purpose, socket, forwarded string
}

// subjects returns the subjects of the rules, in order.
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

// MaxCompared bounds the work of a comparison, in pairs of rules: a thousand
// against a thousand take a few milliseconds. Longer lists count as wider.
const MaxCompared = 4_000_000

func widenedRules(old, new *Rules) []string {
	if len(old.rules)*len(new.rules) > MaxCompared {
		return []string{"there are too many rules to compare"}
	}
	before, after := old.subjects(), new.subjects()
	if onlyNarrowed(old, new, before, after) {
		return nil
	}
	var allows, others []string // the question may have no room for what comes last
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
			add(r, "is wider than before")
		}
	}
	if len(allows)+len(others) == 0 {
		return []string{"the rules are in another order"}
	}
	return slices.Concat(allows, others)
}

// droppable reports whether removing the rule lets nothing more through.
func droppable(r *rule) bool { return r.Action == Allow && r.List == "" }

// onlyNarrowed reports whether the old rules become the new ones by steps that let
// nothing more through: adding a refusal, dropping an allow rule, narrowing a rule.
// It compares all pairs, from the end: can[j] is whether the old rules from i on
// become the new ones from j on.
func onlyNarrowed(old, new *Rules, before, after []subject) bool {
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

// narrows reports whether the new rule r lets nothing more through than the old
// rule i, which has the same subject.
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
		return matchesNoMore(r) || asksNoMore(old, i, r)
	}
	return false
}

// matchesNoMore reports whether an allow rule that now asks matches the same
// requests as before. Unless it names them, an allow rule does not match forwarded
// requests, separate sockets, other ports of its host, or purposes other than login
// and sshsig.
func matchesNoMore(r *rule) bool {
	return r.Forwarded != nil && r.Socket != "" && r.Purpose != "" && r.Host == ""
}

// asksNoMore is for an allow rule that now asks, and so matches more requests. It
// reports whether the later rules, which decided those, also asked and remembered
// the answer as long.
func asksNoMore(old *Rules, i int, r *rule) bool {
	if r.Forwarded != nil && *r.Forwarded && r.Remember > 0 { // without the rule, such an answer was not remembered
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
			why = append(why, fmt.Sprintf("the socket %q shows or allows more", name))
		}
	}
	slices.Sort(why)
	return why
}

// within reports whether new is part of old. A nil list means everything.
func within(new, old []string, patterns, before keys.Patterns) bool {
	if old == nil || new == nil {
		return old == nil
	}
	return patterns.Within(before)
}

// rank orders actions from the strictest. A view without one asks.
func rank(a Action) int { return slices.Index([]Action{Refuse, Ask, Allow}, cmp.Or(a, Ask)) }
