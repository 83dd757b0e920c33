package policy

import (
	"testing"

	"github.com/keybroker/keybroker/keys"
)

// When known_hosts is uncertain, a rule that refuses applies and one that allows does
// not. In each row, refuse and allow are the results for the same host.
func TestUncertainNamesMakeNoRuleLessStrict(t *testing.T) {
	known := keys.Host{Fingerprint: "SHA256:h", Names: []string{"git.example.com"}}
	with := func(change func(*keys.Host)) keys.Host {
		h := known
		change(&h)
		return h
	}
	pattern := func(lines ...string) keys.Host {
		return with(func(h *keys.Host) { h.Names, h.Patterns = nil, lines })
	}
	typedUnder := func(name string) keys.Host {
		return with(func(h *keys.Host) { h.Names, h.Patterns = []string{name}, []string{"*.example"} })
	}
	for _, test := range []struct {
		name, rule      string
		host            keys.Host
		refuses, allows bool
		cause           string
	}{
		{"another name", "prod", known, false, false, ""},
		{"its name", "git.example.com", known, true, true, ""},
		{"on another port", "prod", with(func(h *keys.Host) { h.Names = []string{"[prod]:22022"} }), true, false, ""},
		{"no name", "prod", with(func(h *keys.Host) { h.Names = nil }), true, false, causeNameless},
		{"a hashed name, and the rule's was tried", "prod", with(func(h *keys.Host) { h.Hashed = true }), false, false, ""},
		{"a hashed name, and a pattern", "pro*", with(func(h *keys.Host) { h.Hashed = true }), true, false, causeHashed},
		{"a hashed name, and a pattern for another", "git.*", with(func(h *keys.Host) { h.Hashed = true }), true, true, ""},
		{"nothing but a hashed name", "prod", with(func(h *keys.Host) { h.Names, h.Hashed = nil, true }), false, false, ""},
		{"a list that was cut", "prod", with(func(h *keys.Host) { h.Cut = true }), true, false, causeCut},
		{"a pattern that may be it", "prod.example", pattern("*.example"), true, false, causePattern},
		{"a pattern that cannot be it", "prod.example", pattern("*.test"), false, false, ""},
		{"a pattern that excepts it", "prod.example", pattern("*.example,!prod.*"), false, false, ""},
		{"a pattern that excepts it on another port", "prod.example", pattern("[*.example]:2222,!prod.example"), true, false, causePattern},
		{"a pattern that excepts it on its port", "prod.example", pattern("[*.example]:2222,![prod.example]:2222"), false, false, ""},
		{"a pattern with a port", "prod.example", pattern("[*.example]:2222"), true, false, causePattern},
		{"a pattern within the rule's", "*.example", pattern("*.prod.example"), true, true, ""},
		{"the same pattern", "*.example", pattern("*.example"), true, true, ""},
		{"a line that is wider", "*.prod.example", pattern("*.example"), true, false, causePattern},
		{"a line of two, one within", "*.example", pattern("*.example,*.test"), true, false, causePattern},
		{"patterns that cross", "prod*", pattern("*.example"), true, false, causePattern},
		{"one character is not any text", "?.example", pattern("*.example"), true, false, causePattern},
		{"excepted", "*,!git.example.com", known, false, false, ""},
		{"another one is excepted", "*,!prod", known, true, true, ""},
		{"one of its names is excepted", "a,!b", with(func(h *keys.Host) { h.Names = []string{"a", "b"} }), false, false, ""},
		{"excepted, on another port", "*,!prod", with(func(h *keys.Host) { h.Names = []string{"[prod]:22022"} }), true, false, ""},
		{"excepted with its port", "*,![prod]:22022", with(func(h *keys.Host) { h.Names = []string{"[prod]:22022"} }), false, false, ""},
		{"no name, and an exception", "*,!prod", with(func(h *keys.Host) { h.Names = nil }), true, false, causeNameless},
		{"a hashed name that may be excepted", "git*,!*.com", with(func(h *keys.Host) { h.Names, h.Hashed = []string{"git"}, true }), true, false, causeHashed},
		{"a hashed name, and the exception was tried", "git*,!prod", with(func(h *keys.Host) { h.Hashed = true }), true, true, ""},
		{"a pattern that may be excepted", "*.example,!prod.example", pattern("*.example"), true, false, causePattern},
		{"a pattern that excepts the same", "*.example,!prod.example", pattern("*.example,!prod.example"), true, true, ""},
		{"a pattern that is excepted", "*,!*.example", pattern("*.example"), false, false, ""},
		{"an excepted name was typed, and stands under a pattern", "*.example,!git.example", typedUnder("git.example"), true, false, causePattern},
		{"a name was typed, and the whole pattern is excepted", "*,!*.example", typedUnder("git.example"), false, false, ""},
		{"upper and lower case", "PROD.example", pattern("*.Example"), true, false, causePattern},
	} {
		u := login(t, func(u *keys.Use) {
			u.Destination.Host = test.host
			if len(test.host.Names) == 0 {
				u.Destination.Trust = keys.TrustNew
			}
		})
		all := named("all", `action = "allow"`)
		refuse := rulesOf(t, named("r", `host = "`+test.rule+`"`+"\naction = \"refuse\"")+all).Decide(u)
		want := `refused by rule "r"`
		if test.cause != "" {
			want = `rule "r" (refuse) may apply: ` + test.cause
		}
		if (refuse.Action == Refuse) != test.refuses || test.refuses && refuse.Why != want || !test.refuses && refuse.Action != Allow {
			t.Errorf("%s: refuse: %+v", test.name, refuse)
		}
		ask := rulesOf(t, named("r", `host = "`+test.rule+`"`+"\naction = \"ask\"")+all).Decide(u)
		if (ask.Action == Ask) != test.refuses {
			t.Errorf("%s: ask: %+v", test.name, ask)
		}
		if allow := rulesOf(t, named("r", `host = "`+test.rule+`"`+"\naction = \"allow\"")).Decide(u); (allow.Action == Allow) != test.allows {
			t.Errorf("%s: allow: %+v", test.name, allow)
		}
		u.Socket = "s"
		view := New(nil, nil, Options{}).WithViews(View{Name: "s", Hosts: []string{test.rule}})
		if d := view.Decide(u); (d.Action != Refuse) != test.allows {
			t.Errorf("%s: socket: %+v", test.name, d)
		}
	}
}

func TestRevokedIsRefusedByNoRule(t *testing.T) {
	rules := rulesOf(t, named("all", `action = "allow"`)+named("far", "forwarded = true\naction = \"allow\""))
	for name, change := range map[string]func(*keys.Use){
		"host": func(u *keys.Use) { u.Destination.Host.Revoked = "known_hosts:3" },
		"hop": func(u *keys.Use) {
			u.Destination.Forwarded, u.Destination.Hops = true, []keys.Host{{Fingerprint: "SHA256:hop", Revoked: "known_hosts:3"}}
		},
	} {
		u := login(t, change)
		if d := rules.Decide(u); d.Action != Refuse || d.Remedy != remedyRevoked {
			t.Errorf("%s: %+v", name, d)
		}
		if d := rules.Decide(login(t, change, listing)); d.Action != Allow {
			t.Errorf("%s: a list says no reason: %+v", name, d)
		}
		u.Destination.Host.Revoked, u.Destination.Hops = "", nil
		if d := rules.Decide(u); d.Action != Allow {
			t.Errorf("%s: without: %+v", name, d)
		}
	}
}

func TestOverlap(t *testing.T) {
	for _, test := range []struct {
		a, b string
		want bool
	}{
		{"a", "a", true}, {"a", "b", false}, {"*", "", true}, {"a*", "*b", true}, {"a*", "b*", false},
		{"?", "*", true}, {"??", "a", false}, {"*.a.*", "b.*.c", true}, {"a*b*c", "*b", false}, {"", "?", false},
	} {
		if overlap(test.a, test.b) != test.want || overlap(test.b, test.a) != test.want {
			t.Errorf("%q, %q: not %v", test.a, test.b, test.want)
		}
	}
}

func TestHostNamesAreThoseToTry(t *testing.T) {
	rules := rulesOf(t, named("a", "host = \"Prod\"\naction = \"refuse\"")+named("b", "host = \"*.example\"\naction = \"ask\"")+named("c", `action = "ask"`)).
		WithViews(View{Name: "s", Hosts: []string{"box", "b*"}})
	if got := rules.HostNames(); len(got) != 2 || got[0] != "prod" || got[1] != "box" {
		t.Errorf("%q", got)
	}
}
