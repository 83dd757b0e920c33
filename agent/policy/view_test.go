package policy

import (
	"strings"
	"testing"
	"time"

	"github.com/keybroker/keybroker/keys"
	"github.com/keybroker/keybroker/wire"
)

// login is a login with the key "work" to a verified host.
func loginThrough(socket, host string) *keys.Use {
	return &keys.Use{
		Op: keys.OpSign, Socket: socket, Time: time.Now(),
		Key:         keys.Info{Name: "work", Fingerprint: "SHA256:work", Blob: []byte("work")},
		Purpose:     wire.Purpose{Kind: wire.KindLogin, User: "git"},
		Destination: keys.Destination{Trust: keys.TrustVerified, Host: keys.Host{Fingerprint: "SHA256:h", Names: []string{host}}},
	}
}

// Each view refuses for its reason, and the same use passes without it.
func TestViewNarrows(t *testing.T) {
	other := func(change func(*keys.Use)) *keys.Use {
		u := loginThrough("ai", "box")
		change(u)
		return u
	}
	for name, test := range map[string]struct {
		view   View
		use    *keys.Use
		why    string // of the refusal; "": it is asked
		passes *keys.Use
	}{
		"key by name":        {View{Keys: []string{"home"}}, loginThrough("ai", "box"), "does not show this key", other(func(u *keys.Use) { u.Key.Name = "home" })},
		"key by fingerprint": {View{Keys: []string{"SHA256:x*"}}, loginThrough("ai", "box"), "does not show this key", other(func(u *keys.Use) { u.Key.Fingerprint = "SHA256:xy" })},
		"key of exceptions":  {View{Keys: []string{"SHA256:*", "!work"}}, loginThrough("ai", "box"), "does not show this key", other(func(u *keys.Use) { u.Key.Name = "home" })},
		"excepted host":      {View{Hosts: []string{"*", "!prod"}}, loginThrough("ai", "[prod]:2222"), "is not for the host [prod]:2222", loginThrough("ai", "box")},
		"another host":       {View{Hosts: []string{"b?x"}}, loginThrough("ai", "prod"), "is not for the host prod", loginThrough("ai", "box")},
		"another port":       {View{Hosts: []string{"box"}}, loginThrough("ai", "[box]:2222"), "is not for the host [box]:2222", loginThrough("ai", "box")},
		"unverified":         {View{Hosts: []string{"box"}}, other(func(u *keys.Use) { u.Destination.Trust = keys.TrustClaimed }), "destination is not proved", loginThrough("ai", "box")},
		"nameless":           {View{Hosts: []string{"*"}}, other(func(u *keys.Use) { u.Destination.Host.Names = nil }), "is not for the host SHA256:h", loginThrough("ai", "box")},
		"unknown content":    {View{Hosts: []string{"box"}}, other(func(u *keys.Use) { u.Purpose = wire.Purpose{Kind: wire.KindUnknown} }), "is not known", other(func(u *keys.Use) { u.Purpose = wire.Purpose{Kind: wire.KindSSHSig, Namespace: "git"} })},
		"through a host": {View{Hosts: []string{"box"}}, other(func(u *keys.Use) { u.Destination.Hops = []keys.Host{{Names: []string{"far"}}} }), "is not for the host far",
			other(func(u *keys.Use) { u.Destination.Hops = []keys.Host{{Names: []string{"box"}}} })},
		"default refuse": {View{Action: Refuse}, loginThrough("ai", "box"), "no rule matches", loginThrough("", "box")},
		"gone":           {View{}, loginThrough("gone", "box"), "no longer in the configuration", loginThrough("ai", "box")},
	} {
		test.view.Name = "ai"
		rules := New(nil, nil, Options{}).WithViews(test.view)
		if d := rules.Decide(test.use); d.Action != Refuse || !strings.Contains(d.Why, test.why) {
			t.Errorf("%s: %+v", name, d)
		}
		if d := rules.Decide(test.passes); d.Action != Ask {
			t.Errorf("%s: what fits: %+v", name, d)
		}
		if d := New(nil, nil, Options{}).Decide(other(func(u *keys.Use) { *u = *test.use; u.Socket = "" })); d.Action != Ask {
			t.Errorf("%s: without the view: %+v", name, d)
		}
	}
}

func TestViewDefaultAction(t *testing.T) {
	allow := View{Name: "ai", Action: Allow}
	unknown := loginThrough("ai", "box")
	unknown.Purpose = wire.Purpose{Kind: wire.KindUnknown}
	forwarded := loginThrough("ai", "box")
	forwarded.Destination.Forwarded = true
	confirm := loginThrough("ai", "box")
	confirm.Key.Confirm = true
	for name, test := range map[string]struct {
		machine, user []Rule
		use           *keys.Use
		want          Action
		why           string
	}{
		"no rule matches":             {nil, nil, loginThrough("ai", "box"), Allow, `allowed by the socket "ai"`},
		"unknown content":             {nil, nil, unknown, Ask, whyUnknown},
		"forwarded":                   {nil, nil, forwarded, Ask, whyNone},
		"added with -c":               {nil, nil, confirm, Ask, whyConfirm},
		"a rule of the machine":       {[]Rule{{Name: "m", Action: Refuse}}, nil, loginThrough("ai", "box"), Refuse, `refused by rule "m"`},
		"a rule of the user":          {nil, []Rule{{Name: "u", Action: Ask}}, loginThrough("ai", "box"), Ask, `asked by rule "u"`},
		"a rule for another socket":   {nil, []Rule{{Name: "u", Socket: "dev", Action: Refuse}}, loginThrough("ai", "box"), Allow, `allowed by the socket "ai"`},
		"a rule for this socket":      {nil, []Rule{{Name: "u", Socket: "a*", Action: Refuse}}, loginThrough("ai", "box"), Refuse, `refused by rule "u"`},
		"a machine's rule in doubt":   {[]Rule{{Name: "m", Program: "x", Action: Refuse}}, nil, loginThrough("ai", "box"), Refuse, "may apply"},
		"the agent's own is no match": {nil, []Rule{{Name: "u", Socket: "*", Action: Refuse}}, loginThrough("", "box"), Ask, whyNone},
	} {
		d := New(test.machine, test.user, Options{}).WithViews(allow).Decide(test.use)
		if d.Action != test.want || !strings.Contains(d.Why, test.why) {
			t.Errorf("%s: %+v", name, d)
		}
	}
}

// An allow rule is for the agent's own socket unless it names another.
func TestAllowNeedsTheSocketsName(t *testing.T) {
	for _, test := range []struct {
		rule, through string
		want          Action
	}{{"", "", Allow}, {"", "ai", Ask}, {"ai", "ai", Allow}, {"*", "ai", Allow}, {"ai", "", Ask}} {
		rules := New(nil, []Rule{{Name: "r", Socket: test.rule, Action: Allow}}, Options{}).WithViews(View{Name: "ai"})
		if d := rules.Decide(loginThrough(test.through, "box")); d.Action != test.want {
			t.Errorf("rule for %q, through %q: %+v", test.rule, test.through, d)
		}
	}
}

func TestViewOfTheList(t *testing.T) {
	list := func(key, socket string) *keys.Use {
		return &keys.Use{Op: keys.OpList, Socket: socket, Key: keys.Info{Name: key}}
	}
	rules := New(nil, []Rule{{Name: "r", Key: "work", Socket: "tool", Host: "box", Action: Allow}}, Options{}).
		WithViews(View{Name: "ai", Keys: []string{"work"}}, View{Name: "tool", Action: Refuse})
	for _, test := range []struct {
		key, socket string
		want        Action
	}{{"work", "", Allow}, {"home", "", Allow}, {"work", "ai", Allow}, {"home", "ai", Refuse}, {"work", "tool", Allow}, {"home", "tool", Refuse}} {
		if d := rules.Decide(list(test.key, test.socket)); d.Action != test.want {
			t.Errorf("%s through %q: %+v", test.key, test.socket, d)
		}
	}
}

// "Allow for 15 minutes" on one socket does not count on another.
func TestGrantKeepsToItsSocket(t *testing.T) {
	use := func(socket string) *keys.Use {
		u := loginThrough(socket, "box")
		u.Peer.Identified, u.Peer.Executable = true, "/usr/bin/ssh"
		return u
	}
	var grants Grants
	rules := New(nil, nil, Options{DefaultRemember: time.Hour}).WithViews(View{Name: "ai"})
	here := use("")
	if _, err := grants.Add(here, rules.Decide(here), here.Time.Add(time.Minute)); err != nil {
		t.Fatal(err)
	}
	if _, ok := grants.Match(use(""), here.Time); !ok {
		t.Error("not where it was given")
	}
	if _, ok := grants.Match(use("ai"), here.Time); ok {
		t.Error("through another socket")
	}
}

func TestViewMayChange(t *testing.T) {
	rules := New(nil, nil, Options{}).WithViews(View{Name: "ro", ReadOnly: true}, View{Name: "some", Keys: []string{"a"}}, View{Name: "all"})
	for _, test := range []struct {
		socket string
		all    bool
		why    string
	}{{"", true, ""}, {"ro", false, "read-only"}, {"some", false, ""}, {"some", true, "only some keys"}, {"all", true, ""}, {"gone", false, "no longer"}} {
		err := rules.CheckChange(test.socket, test.all)
		if (err == nil) != (test.why == "") || err != nil && !strings.Contains(err.Error(), test.why) {
			t.Errorf("%q, all %v: %v", test.socket, test.all, err)
		}
	}
}
