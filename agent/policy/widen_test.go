package policy

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/keybroker/keybroker/keys"
)

const widenBase = `
[[rule]]
name = "prod"
host = "prod.example.com"
action = "refuse"

[[rule]]
name = "work"
key = "work"
action = "allow"

[[rule]]
name = "git"
purpose = "sshsig:git"
action = "ask"
remember = "1h"
ask_first = true
`

func TestWidened(t *testing.T) {
	base := rulesOf(t, widenBase)
	change := func(old, new string) string {
		if !strings.Contains(widenBase, old) {
			t.Fatalf("nothing to change: %s", old)
		}
		return strings.Replace(widenBase, old, new, 1)
	}
	tests := []struct {
		name, rules string
		want        []string // nil: it is not wider
	}{
		{"the same", widenBase, nil},
		{"a comment and another name", "# new\n" + change(`"work"`, `"work key"`), nil},
		{"an allowance is dropped", change("[[rule]]\nname = \"work\"\nkey = \"work\"\naction = \"allow\"\n", ""), nil},
		{"a refusal is added before", "[[rule]]\naction = \"refuse\"\nuser = \"root\"\n" + widenBase, nil},
		{"a refusal is added behind", widenBase + "[[rule]]\naction = \"refuse\"\n", nil},
		{"a question that came first becomes a refusal", change("action = \"ask\"\nremember = \"1h\"\nask_first = true", `action = "refuse"`),
			nil},
		{"allow becomes refuse", change(`"allow"`, `"refuse"`), nil},
		{"a shorter grant", change(`"1h"`, `"1m"`), nil},
		{"a longer grant", change(`"1h"`, `"2h"`), []string{`rule "git" (ask) is wider than before`}},
		{"no question before the PIN", change("ask_first = true", ""), []string{`rule "git" (ask) is wider than before`}},
		{"a refusal of the same is added before", strings.Replace(widenBase, "[[rule]]\nname = \"work\"", "[[rule]]\nname = \"not work\"\nkey = \"work\"\naction = \"refuse\"\n\n[[rule]]\nname = \"work\"", 1), nil},
		{"ask becomes allow", change("action = \"ask\"\nremember = \"1h\"\nask_first = true", `action = "allow"`), []string{`rule "git" (allow) is wider than before`}},
		{"refuse becomes ask", change(`"refuse"`, `"ask"`), []string{`rule "prod" (ask) is wider than before`}},
		{"a refusal is gone", change("[[rule]]\nname = \"prod\"\nhost = \"prod.example.com\"\naction = \"refuse\"\n", ""), []string{`rule "prod" (refuse) is gone`}},
		{"a refusal of another host", change("prod.example.com", "prud.example.com"), []string{`rule "prod" (refuse) is gone`}},
		{"an allowance is new", widenBase + "[[rule]]\nname = \"x\"\naction = \"allow\"\n", []string{`rule "x" (allow) is new`}},
		{"an allowance among others comes first", "[[rule]]\nname = \"harmless\"\nuser = \"me\"\naction = \"ask\"\n" + widenBase + "[[rule]]\nname = \"x\"\naction = \"allow\"\n",
			[]string{`rule "x" (allow) is new`, `rule "harmless" (ask) is new`}},
		{"forwarded is allowed", change(`key = "work"`, "key = \"work\"\nforwarded = true"), []string{`rule "work" (allow) is new`}},
		{"the order", "[[rule]]\nname = \"work\"\nkey = \"work\"\naction = \"allow\"\n" + change("[[rule]]\nname = \"work\"\nkey = \"work\"\naction = \"allow\"\n", ""),
			[]string{"the rules are in another order"}},
		{"allow becomes ask before a rule that decides", change(`"allow"`, `"ask"`), []string{`rule "work" (ask) is wider than before`}},
		{"the list shows more", change(`key = "work"`, "key = \"work\"\nhost = \"a\"\nlist = \"only\""), []string{`rule "work" (allow) is new`}},
	}
	for _, test := range tests {
		if got := Widened(base, rulesOf(t, test.rules)); !slices.Equal(got, test.want) {
			t.Errorf("%s: %q, want %q", test.name, got, test.want)
		}
	}
	many := New(nil, make([]Rule, MaxCompared/1000+1), Options{})
	if got := Widened(many, New(nil, make([]Rule, 1000), Options{})); len(got) != 1 || got[0] != "there are too many rules to compare" {
		t.Errorf("many rules: %q", got)
	}
	if got := Widened(base, nil); got != nil {
		t.Errorf("rules that refuse everything: %q", got)
	}
	if got := Widened(nil, base); got == nil {
		t.Error("from nothing to something is not wider")
	}
}

func TestWidenedOptionsAndViews(t *testing.T) {
	yes := View{Name: "ai", Keys: []string{"work", "home"}, Hosts: []string{"a"}, ReadOnly: true, Action: Refuse}
	with := func(d time.Duration, change func(*View)) *Rules {
		v := yes
		change(&v)
		return New(nil, nil, Options{DefaultRemember: d}).WithViews(v)
	}
	same := func(*View) {}
	old := with(time.Hour, same)
	for name, test := range map[string]struct {
		new   *Rules
		wider bool
	}{
		"the same":      {with(time.Hour, same), false},
		"shorter":       {with(time.Minute, same), false},
		"longer":        {with(2*time.Hour, same), true},
		"one key less":  {with(time.Hour, func(v *View) { v.Keys = []string{"home"} }), false},
		"one key more":  {with(time.Hour, func(v *View) { v.Keys = []string{"home", "*"} }), true},
		"all keys":      {with(time.Hour, func(v *View) { v.Keys = nil }), true},
		"all hosts":     {with(time.Hour, func(v *View) { v.Hosts = nil }), true},
		"may change":    {with(time.Hour, func(v *View) { v.ReadOnly = false }), true},
		"asks":          {with(time.Hour, func(v *View) { v.Action = "" }), true},
		"another name":  {with(time.Hour, func(v *View) { v.Name = "other" }), true},
		"no socket now": {New(nil, nil, Options{DefaultRemember: time.Hour}), false},
	} {
		if got := Widened(old, test.new); (len(got) > 0) != test.wider {
			t.Errorf("%s: %q", name, got)
		}
	}
}

// If Widened reports nothing, the new rules let through no request of everyUse that the
// old ones did not.
func TestWhatIsNotWiderLetsNothingMoreThrough(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	uses := everyUse(t)
	compared := 0
	for range 20_000 {
		old := randomRules(r)
		new := edited(r, old)
		before, after := withSocket(old), withSocket(new)
		if len(Widened(before, after)) > 0 {
			continue
		}
		compared++
		for _, u := range uses {
			if a, b := before.Decide(u), after.Decide(u); wider(a, b) {
				t.Fatalf("%+v became %+v\nold: %v\nnew: %v\nuse: %+v", a, b, old, new, u)
			}
		}
	}
	if compared < 1000 {
		t.Fatalf("only %d pairs were not wider: the test sees too little", compared)
	}
}

func withSocket(rules []Rule) *Rules {
	return New(nil, rules, Options{DefaultRemember: time.Minute}).WithViews(View{Name: "ci"})
}

func wider(a, b Decision) bool {
	return rank(b.Action) > rank(a.Action) || a.Action == Ask && b.Action == Ask &&
		(b.Remember > a.Remember || b.Forwarded && !a.Forwarded && b.Remember > 0 || a.AskFirst && !b.AskFirst)
}

// everyUse has each fact that a rule can match, known and unknown.
func everyUse(t *testing.T) (list []*keys.Use) {
	changes := [][]func(*keys.Use){
		{func(*keys.Use) {}, forwarded},
		{func(*keys.Use) {}, unverified, host("other.example.com"), host("[git.example.com]:2222")},
		{func(*keys.Use) {}, unidentified, program("/usr/bin/scp")},
		{func(*keys.Use) {}, confirm},
		{func(*keys.Use) {}, func(u *keys.Use) { u.Socket = "ci" }},
		{func(*keys.Use) {}, sshsig("git"), unknownData, listing},
	}
	for i := range 2 * 4 * 3 * 2 * 2 * 4 {
		u := login(t)
		for _, choice := range changes {
			fwd := u.Destination.Forwarded
			choice[i%len(choice)](u)
			u.Destination.Forwarded = u.Destination.Forwarded || fwd
			i /= len(choice)
		}
		list = append(list, u)
	}
	return list
}

func randomRules(r *rand.Rand) []Rule {
	list := make([]Rule, r.IntN(5))
	for i := range list {
		list[i] = randomRule(r)
		list[i].Name = fmt.Sprint("r", i)
	}
	return list
}

func randomRule(r *rand.Rand) Rule {
	pick := func(texts ...string) string { return texts[r.IntN(len(texts))] }
	rule := Rule{Key: pick("", "", "work"), Host: pick("", "", "git.example.com"), Program: pick("", "", "ssh"),
		Purpose: pick("", "", "login", "sshsig:git"), Action: Action(pick("allow", "ask", "refuse"))}
	if r.IntN(3) == 0 {
		rule.Socket = "ci"
	}
	if n := r.IntN(4); n < 2 {
		is := n == 0
		rule.Forwarded = &is
	}
	if rule.Action == Ask {
		rule.AskFirst, rule.Remember = r.IntN(3) == 0, time.Duration(r.IntN(3))*time.Minute
	}
	return rule
}

// edited returns a list after one or two changes such as people make.
func edited(r *rand.Rand, list []Rule) []Rule {
	list = slices.Clone(list)
	for range 1 + r.IntN(2) {
		switch i := r.IntN(len(list) + 1); {
		case i == len(list) || r.IntN(3) == 0:
			list = slices.Insert(list, i, randomRule(r))
		case r.IntN(2) == 0:
			list = slices.Delete(list, i, i+1)
		default:
			fresh := randomRule(r)
			list[i].Action, list[i].Remember, list[i].AskFirst = fresh.Action, fresh.Remember, fresh.AskFirst
		}
	}
	return list
}

func TestDigest(t *testing.T) {
	digest := func(text string) string { return rulesOf(t, text).Digest() }
	base := digest(widenBase)
	if len(base) != 64 || digest("# a comment\n"+widenBase) != base {
		t.Errorf("the same rules: %s, %s", base, digest("# a comment\n"+widenBase))
	}
	for _, other := range []string{strings.Replace(widenBase, "allow", "ask", 1), strings.Replace(widenBase, `"prod"`, `"prud"`, 1), ""} {
		if digest(other) == base {
			t.Errorf("other rules have the same digest:\n%s", other)
		}
	}
	with := rulesOf(t, widenBase).WithViews(View{Name: "ai"})
	machine := New(rulesOf(t, widenBase).plain(), nil, Options{DefaultRemember: defaultRemember})
	if with.Digest() == base || machine.Digest() == base {
		t.Error("a socket, or whose rules they are, makes no difference")
	}
}

// plain returns the rules as they were passed to New.
func (rs *Rules) plain() (list []Rule) {
	for _, r := range rs.rules {
		list = append(list, r.Rule)
	}
	return list
}
