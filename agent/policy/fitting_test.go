package policy

import (
	"testing"

	"github.com/keybroker/keybroker/keys"
)

const onlyWork = `
[[rule]]
key = "work"
host = "git.example.com"
list = "only"
action = "allow"
`

func TestOnlyHidesTheOthersFromThatHost(t *testing.T) {
	rules := rulesOf(t, onlyWork)
	for _, test := range []struct {
		name   string
		change func(*keys.Use)
		hides  bool
	}{
		{"that host", listing, true},
		{"another host", host("other.example.com"), false},
		{"not verified", unverified, false},
		{"claimed", claimed, false},
		{"a host without a name", nameless, false},
		{"forwarded, of which the rule does not speak", forwarded, false},
	} {
		f := rules.Fitting(login(t, listing, test.change))
		work, home := testKey(t, "work"), testKey(t, "home")
		if f.Hides(&work) || f.Hides(&home) != test.hides {
			t.Errorf("%s: hides work %v, home %v", test.name, f.Hides(&work), f.Hides(&home))
		}
		if f.Names(&work) != test.hides || f.Names(&home) {
			t.Errorf("%s: names work %v, home %v", test.name, f.Names(&work), f.Names(&home))
		}
	}
}

// A rule for one socket hides nothing on the others.
func TestOnlyOnItsSocket(t *testing.T) {
	rules := rulesOf(t, onlyWork+"socket = \"ci\"\n").WithViews(View{Name: "ci"}, View{Name: "other"})
	for socket, hides := range map[string]bool{"ci": true, "other": false, "": false} {
		f, home := rules.Fitting(login(t, listing, func(u *keys.Use) { u.Socket = socket })), testKey(t, "home")
		if f.Hides(&home) != hides {
			t.Errorf("socket %q: hides %v", socket, !hides)
		}
	}
}

func TestRulesThatNameAKeyForAHost(t *testing.T) {
	for text, want := range map[string]bool{
		`key = "work"` + "\n" + `host = "git.*"` + "\n" + `action = "ask"`:                               true,
		`key = "work"` + "\n" + `host = "git.*"` + "\n" + `user = "git"` + "\n" + `action = "allow"`:     true,
		`key = "work"` + "\n" + `host = "git.*"` + "\n" + `action = "refuse"`:                            false,
		`key = "work"` + "\n" + `action = "allow"`:                                                       false,
		`host = "git.*"` + "\n" + `action = "allow"`:                                                     false,
		`key = "work"` + "\n" + `host = "git.*"` + "\n" + `program = "scp"` + "\n" + `action = "allow"`:  false,
		`key = "work"` + "\n" + `host = "git.*"` + "\n" + `program = "ssh"` + "\n" + `action = "allow"`:  true,
		`key = "work"` + "\n" + `host = "git.*"` + "\n" + `forwarded = true` + "\n" + `action = "allow"`: false,
	} {
		f := rulesOf(t, "[[rule]]\n"+text).Fitting(login(t, listing))
		work := testKey(t, "work")
		if f.Names(&work) != want || f.Hides(&work) {
			t.Errorf("%s: names %v, hides %v", text, f.Names(&work), f.Hides(&work))
		}
	}
}

// TestOnlyOfTheMachine: the user's rules do not add keys to those of the machine's rules.
func TestOnlyOfTheMachine(t *testing.T) {
	user := rulesIn(t, `
[[rule]]
key = "home"
host = "git.example.com"
list = "only"
action = "ask"
`)
	home := testKey(t, "home")
	machine := New(rulesIn(t, onlyWork), user, Options{}).Fitting(login(t, listing))
	if !machine.Hides(&home) {
		t.Error("the user's rule shows what the machine's hides")
	}
	both := New(nil, append(rulesIn(t, onlyWork), user...), Options{}).Fitting(login(t, listing))
	if both.Hides(&home) {
		t.Error("two rules of one file do not add up")
	}
	var none *Rules
	if f := none.Fitting(login(t, listing)); f.Hides(&home) {
		t.Error("no rules hide")
	}
}
