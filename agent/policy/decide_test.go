package policy

import (
	"testing"
	"time"

	"github.com/keybroker/keybroker/keys"
)

func named(name, fields string) string { return "[[rule]]\nname = \"" + name + "\"\n" + fields + "\n" }

// Each row has a twin nearby: the same rules with a use that differs only in what the
// row is about, or the same use without the rule.
func TestDecideSign(t *testing.T) {
	allowAll := named("all", `action = "allow"`)
	tests := []struct {
		name  string
		rules string
		use   []func(*keys.Use)
		want  Decision
	}{
		{"no rule asks", "", nil, Decision{Action: Ask, Why: "no rule matches", Remember: defaultRemember}},
		{"allow", allowAll, nil, Decision{Action: Allow, Rule: "all", Why: `allowed by rule "all"`}},
		{"refuse", named("r", `action = "refuse"`), nil, Decision{Action: Refuse, Rule: "r", Why: `refused by rule "r"`}},
		{"ask", named("a", "action = \"ask\"\nremember = \"15m\""), nil, Decision{Action: Ask, Rule: "a", Why: `asked by rule "a"`, Remember: 15 * time.Minute}},
		{"ask without remember offers none", named("a", `action = "ask"`), nil, Decision{Action: Ask, Rule: "a", Why: `asked by rule "a"`}},
		{"the first match decides", named("r", `action = "refuse"`) + allowAll, nil, Decision{Action: Refuse, Rule: "r", Why: `refused by rule "r"`}},
		{"in either order", allowAll + named("r", `action = "refuse"`), nil, Decision{Action: Allow, Rule: "all", Why: `allowed by rule "all"`}},

		{"key by name", named("k", "key = \"work\"\naction = \"allow\""), nil, Decision{Action: Allow, Rule: "k", Why: `allowed by rule "k"`}},
		{"another key", named("k", "key = \"home\"\naction = \"allow\""), nil, none},
		{"key by pattern", named("k", "key = \"w*k\"\naction = \"allow\""), nil, Decision{Action: Allow, Rule: "k", Why: `allowed by rule "k"`}},
		{"key by fingerprint", named("k", "key = \"SHA256:*\"\naction = \"allow\""), nil, Decision{Action: Allow, Rule: "k", Why: `allowed by rule "k"`}},
		{"not by comment", named("k", "key = \"comment of work\"\naction = \"allow\""), nil, none},
		{"a key without name is not the empty pattern's", named("k", "key = \"*\"\naction = \"refuse\""), []func(*keys.Use){func(u *keys.Use) { u.Key.Name = "" }}, Decision{Action: Refuse, Rule: "k", Why: `refused by rule "k"`}},

		{"key of a list", named("k", "key = \"home,w*\"\naction = \"allow\""), nil, Decision{Action: Allow, Rule: "k", Why: `allowed by rule "k"`}},
		{"key that is excepted by its name", named("k", "key = \"SHA256:*,!work\"\naction = \"allow\""), nil, none},
		{"user that is excepted", named("u", "user = \"*,!git\"\naction = \"allow\""), nil, none},
		{"program that is excepted by its path", named("p", "program = \"ssh,!/usr/bin/*\"\naction = \"allow\""), nil, none},
		{"another program is excepted", named("p", "program = \"ssh,!/opt/bin/*\"\naction = \"allow\""), nil, Decision{Action: Allow, Rule: "p", Why: `allowed by rule "p"`}},
		{"a program whose path is not known may be excepted", named("p", "program = \"ssh,!/opt/bin/*\"\naction = \"refuse\""), []func(*keys.Use){func(u *keys.Use) { u.Peer.Executable = "" }},
			Decision{Action: Refuse, Rule: "p", Why: `rule "p" (refuse) may apply: the program is not identified`, Remedy: remedyOf(causeProgram)}},

		{"host", named("h", "host = \"*.example.com\"\naction = \"allow\""), nil, Decision{Action: Allow, Rule: "h", Why: `allowed by rule "h"`}},
		{"any of its names", named("h", "host = \"192.0.2.?\"\naction = \"allow\""), nil, Decision{Action: Allow, Rule: "h", Why: `allowed by rule "h"`}},
		{"host in upper case", named("h", "host = \"GIT.Example.com\"\naction = \"allow\""), nil, Decision{Action: Allow, Rule: "h", Why: `allowed by rule "h"`}},
		{"another host", named("h", "host = \"*.example.org\"\naction = \"allow\""), nil, none},
		{"an unverified host is not allowed", named("h", "host = \"*.example.com\"\naction = \"allow\""), []func(*keys.Use){unverified}, none},
		{"a claimed host is not allowed", named("h", "host = \"*.example.com\"\naction = \"allow\""), []func(*keys.Use){claimed}, none},
		{"a nameless host is not allowed", named("h", "host = \"*\"\naction = \"allow\""), []func(*keys.Use){nameless}, none},
		{"another port is not allowed", named("h", "host = \"git.example.com\"\naction = \"allow\""), []func(*keys.Use){host("[git.example.com]:2222")}, none},
		{"unless it is named", named("h", "host = \"[git.example.com]:2222\"\naction = \"allow\""), []func(*keys.Use){host("[git.example.com]:2222")}, Decision{Action: Allow, Rule: "h", Why: `allowed by rule "h"`}},
		{"a refusal holds for all ports", named("h", "host = \"git.example.com\"\naction = \"refuse\""), []func(*keys.Use){host("[git.example.com]:2222")}, Decision{Action: Refuse, Rule: "h", Why: `refused by rule "h"`}},

		{"a refusal that may apply refuses", named("prod", "host = \"prod*\"\naction = \"refuse\"") + allowAll, []func(*keys.Use){unverified}, Decision{Action: Refuse, Rule: "prod", Why: `rule "prod" (refuse) may apply: the destination is not proved`, Remedy: remedyOf(causeUnverified)}},
		{"one that does not apply caps nothing", named("prod", "host = \"prod*\"\naction = \"refuse\"") + allowAll, nil, Decision{Action: Allow, Rule: "all", Why: `allowed by rule "all"`}},
		{"one that applies refuses", named("prod", "host = \"prod*\"\naction = \"refuse\"") + allowAll, []func(*keys.Use){host("prod1")}, Decision{Action: Refuse, Rule: "prod", Why: `refused by rule "prod"`}},
		{"a nameless host may be it", named("prod", "host = \"prod*\"\naction = \"refuse\"") + allowAll, []func(*keys.Use){nameless}, Decision{Action: Refuse, Rule: "prod", Why: `rule "prod" (refuse) may apply: the host's key is in no known_hosts file`, Remedy: remedyOf(causeNameless)}},
		{"an ask that may apply caps too", named("prod", "host = \"prod*\"\naction = \"ask\"\nremember = \"1h\"") + allowAll, []func(*keys.Use){claimed}, Decision{Action: Ask, Rule: "prod", Why: `rule "prod" (ask) may apply: the destination is not proved`}},
		{"a signature goes to no host", named("prod", "host = \"prod*\"\naction = \"refuse\"") + allowAll, []func(*keys.Use){sshsig("git")}, Decision{Action: Allow, Rule: "all", Why: `allowed by rule "all"`}},
		{"what may apply refuses before a later refusal", named("prod", "host = \"prod*\"\naction = \"refuse\"") + named("r", `action = "refuse"`), []func(*keys.Use){unverified}, Decision{Action: Refuse, Rule: "prod", Why: `rule "prod" (refuse) may apply: the destination is not proved`, Remedy: remedyOf(causeUnverified)}},
		{"an ask that may apply offers no grant", named("prod", "host = \"prod*\"\naction = \"ask\"\nremember = \"1h\""), []func(*keys.Use){nameless}, Decision{Action: Ask, Rule: "prod", Why: `rule "prod" (ask) may apply: the host's key is in no known_hosts file`}},

		{"an ask that may apply does not soften a later refusal", named("a", "host = \"git*\"\naction = \"ask\"") + named("prod", "host = \"prod*\"\naction = \"refuse\""), []func(*keys.Use){unverified}, Decision{Action: Refuse, Rule: "prod", Why: `rule "prod" (refuse) may apply: the destination is not proved`, Remedy: remedyOf(causeUnverified)}},
		{"a rule above that certainly applies decides", named("a", "program = \"ssh\"\naction = \"ask\"") + named("prod", "host = \"prod*\"\naction = \"refuse\""), []func(*keys.Use){unverified}, Decision{Action: Ask, Rule: "a", Why: `asked by rule "a"`}},
		{"unknown content may go there", named("prod", "host = \"prod*\"\naction = \"refuse\""), []func(*keys.Use){unverified, unknownData}, Decision{Action: Refuse, Rule: "prod", Why: `rule "prod" (refuse) may apply: the destination is not proved`, Remedy: remedyOf(causeUnverified)}},

		{"user", named("u", "user = \"git\"\naction = \"allow\""), nil, Decision{Action: Allow, Rule: "u", Why: `allowed by rule "u"`}},
		{"another user", named("u", "user = \"git\"\naction = \"allow\""), []func(*keys.Use){account("root")}, none},
		{"a signature has no user", named("u", "user = \"*\"\naction = \"allow\""), []func(*keys.Use){sshsig("git")}, none},

		{"program by name", named("p", "program = \"ss?\"\naction = \"allow\""), nil, Decision{Action: Allow, Rule: "p", Why: `allowed by rule "p"`}},
		{"another program", named("p", "program = \"ssh\"\naction = \"allow\""), []func(*keys.Use){program("/usr/bin/scp")}, none},
		{"program by path", named("p", "program = \"/usr/*/ssh\"\naction = \"allow\""), nil, Decision{Action: Allow, Rule: "p", Why: `allowed by rule "p"`}},
		{"a star stays in its directory", named("p", "program = \"/usr/*/ssh\"\naction = \"allow\""), []func(*keys.Use){program("/usr/local/bin/ssh")}, none},
		{"the same name elsewhere", named("p", "program = \"/usr/bin/ssh\"\naction = \"allow\""), []func(*keys.Use){program("/tmp/ssh")}, none},
		{"an unidentified program is not allowed", named("p", "program = \"*\"\naction = \"allow\""), []func(*keys.Use){unidentified}, none},
		{"it may be the refused one", named("p", "program = \"scp\"\naction = \"refuse\"") + allowAll, []func(*keys.Use){unidentified}, Decision{Action: Refuse, Rule: "p", Why: `rule "p" (refuse) may apply: the program is not identified`, Remedy: remedyOf(causeProgram)}},
		{"an identified one is not", named("p", "program = \"scp\"\naction = \"refuse\"") + allowAll, nil, Decision{Action: Allow, Rule: "all", Why: `allowed by rule "all"`}},
		{"a path that cannot be read may be it", named("p", "program = \"/usr/bin/scp\"\naction = \"refuse\"") + allowAll, []func(*keys.Use){func(u *keys.Use) { u.Peer.Executable = "" }}, Decision{Action: Refuse, Rule: "p", Why: `rule "p" (refuse) may apply: the program is not identified`, Remedy: remedyOf(causeProgram)}},

		{"purpose login", named("l", "purpose = \"login\"\naction = \"allow\""), nil, Decision{Action: Allow, Rule: "l", Why: `allowed by rule "l"`}},
		{"login is not a signature", named("l", "purpose = \"login\"\naction = \"allow\""), []func(*keys.Use){sshsig("git")}, none},
		{"purpose sshsig:git", named("g", "purpose = \"sshsig:git\"\naction = \"allow\""), []func(*keys.Use){sshsig("git")}, Decision{Action: Allow, Rule: "g", Why: `allowed by rule "g"`}},
		{"another namespace", named("g", "purpose = \"sshsig:git\"\naction = \"allow\""), []func(*keys.Use){sshsig("file")}, none},
		{"any namespace", named("g", "purpose = \"sshsig:*\"\naction = \"allow\""), []func(*keys.Use){sshsig("a/b@c")}, Decision{Action: Allow, Rule: "g", Why: `allowed by rule "g"`}},
		{"any namespace is not a login", named("g", "purpose = \"sshsig:*\"\naction = \"allow\""), nil, none},

		{"a forwarded request is not allowed by default", allowAll, []func(*keys.Use){forwarded}, none},
		{"unless the rule says so", named("f", "forwarded = true\naction = \"allow\""), []func(*keys.Use){forwarded}, Decision{Action: Allow, Rule: "f", Why: `allowed by rule "f"`}},
		{"then it is only for those", named("f", "forwarded = true\naction = \"allow\""), nil, none},
		{"forwarded = false", named("f", "forwarded = false\naction = \"refuse\""), []func(*keys.Use){forwarded}, none},
		{"a refusal holds for forwarded ones", named("r", `action = "refuse"`), []func(*keys.Use){forwarded}, Decision{Action: Refuse, Rule: "r", Why: `refused by rule "r"`}},
		{"ask with forwarded = true may be remembered", named("f", "forwarded = true\naction = \"ask\"\nremember = \"1m\""), []func(*keys.Use){forwarded}, Decision{Action: Ask, Rule: "f", Why: `asked by rule "f"`, Remember: time.Minute, Forwarded: true}},

		{"unknown data is never allowed", allowAll, []func(*keys.Use){unknownData}, Decision{Action: Ask, Why: "it is not known what would be signed: always ask"}},
		{"unknown data is not remembered", "", []func(*keys.Use){unknownData}, Decision{Action: Ask, Why: "it is not known what would be signed: always ask"}},
		{"nor by an ask rule", named("a", "action = \"ask\"\nremember = \"1h\""), []func(*keys.Use){unknownData}, Decision{Action: Ask, Rule: "a", Why: "it is not known what would be signed: always ask"}},
		{"it can be refused", named("u", "purpose = \"unknown\"\naction = \"refuse\""), []func(*keys.Use){unknownData}, Decision{Action: Refuse, Rule: "u", Why: `refused by rule "u"`}},
		{"a login is not unknown", named("u", "purpose = \"unknown\"\naction = \"refuse\""), nil, none},
		{"a refusal after the allow that cannot apply", allowAll + named("r", `action = "refuse"`), []func(*keys.Use){unknownData}, Decision{Action: Refuse, Rule: "r", Why: `refused by rule "r"`}},
		{"no kind at all is unknown", allowAll, []func(*keys.Use){func(u *keys.Use) { u.Purpose.Kind = "" }}, Decision{Action: Ask, Why: "it is not known what would be signed: always ask"}},

		{"a key added with -c is always asked", allowAll, []func(*keys.Use){confirm}, Decision{Action: Ask, Rule: "all", Why: "the key was added with -c: always ask"}},
		{"and never remembered", "", []func(*keys.Use){confirm}, Decision{Action: Ask, Why: "the key was added with -c: always ask"}},
		{"but refused", named("r", `action = "refuse"`), []func(*keys.Use){confirm}, Decision{Action: Refuse, Rule: "r", Why: `refused by rule "r"`}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if got := rulesOf(t, test.rules).Decide(login(t, test.use...)); got != test.want {
				t.Errorf("got  %+v\nwant %+v", got, test.want)
			}
		})
	}
}

func remedyOf(cause string) string { return doubt{cause: cause}.remedy(false) }

var none = Decision{Action: Ask, Why: "no rule matches", Remember: defaultRemember}

func TestDecideList(t *testing.T) {
	hidden := func(name string) Decision {
		return Decision{Action: Refuse, Rule: name, Why: `hidden by rule "` + name + `"`}
	}
	shown := Decision{Action: Allow, Why: "no rule hides it"}
	tests := []struct {
		name  string
		rules string
		use   []func(*keys.Use)
		want  Decision
	}{
		{"no rule", "", nil, shown},
		{"refused key", named("r", "key = \"work\"\naction = \"refuse\""), nil, hidden("r")},
		{"another key", named("r", "key = \"home\"\naction = \"refuse\""), nil, shown},
		{"refused for this program", named("r", "program = \"ssh\"\naction = \"refuse\""), nil, hidden("r")},
		{"not for another", named("r", "program = \"ssh\"\naction = \"refuse\""), []func(*keys.Use){program("/usr/bin/scp")}, shown},
		{"an unidentified one may be another", named("r", "program = \"ssh\"\naction = \"refuse\""), []func(*keys.Use){unidentified}, shown},
		{"refused for this host", named("r", "host = \"git.*\"\naction = \"refuse\""), nil, hidden("r")},
		{"an unverified one may be another", named("r", "host = \"git.*\"\naction = \"refuse\""), []func(*keys.Use){unverified}, shown},
		{"a rule with a purpose hides nothing", named("r", "purpose = \"login\"\naction = \"refuse\""), nil, shown},
		{"a rule with a user hides nothing", named("r", "user = \"git\"\naction = \"refuse\""), nil, shown},
		{"an earlier allow shows", named("a", "purpose = \"login\"\naction = \"allow\"") + named("r", `action = "refuse"`), nil, shown},
		{"an earlier ask shows", named("a", `action = "ask"`) + named("r", `action = "refuse"`), nil, shown},
		{"an earlier allow for another program does not", named("a", "program = \"git\"\naction = \"allow\"") + named("r", `action = "refuse"`), nil, hidden("r")},
		{"nor an earlier allow for local ones", named("a", `action = "allow"`) + named("r", `action = "refuse"`), []func(*keys.Use){forwarded}, hidden("r")},
		{"forwarded lists", named("r", "forwarded = true\naction = \"refuse\""), []func(*keys.Use){forwarded}, hidden("r")},
		{"local lists", named("r", "forwarded = true\naction = \"refuse\""), nil, shown},
		{"a key added with -c is shown", "", []func(*keys.Use){confirm}, shown},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			use := login(t, append([]func(*keys.Use){listing}, test.use...)...)
			if got := rulesOf(t, test.rules).Decide(use); got != test.want {
				t.Errorf("got  %+v\nwant %+v", got, test.want)
			}
		})
	}
}

func TestMachineRulesComeFirst(t *testing.T) {
	machine := []Rule{{Name: "machine", Action: Refuse, Key: "work"}}
	user := []Rule{{Name: "user", Action: Allow}}
	if got := New(machine, user, Options{}).Decide(login(t)); got.Rule != "machine" || got.Action != Refuse {
		t.Errorf("with the machine's rule: %+v", got)
	}
	if got := New(nil, user, Options{}).Decide(login(t)); got.Rule != "user" || got.Action != Allow {
		t.Errorf("without: %+v", got)
	}
}

func TestWhatRulesDoNotSpeakOfIsRefused(t *testing.T) {
	rules := New(nil, []Rule{{Name: "all", Action: Allow}}, Options{})
	add := login(t, func(u *keys.Use) { u.Op = keys.OpAdd })
	if got := rules.Decide(add); got != (Decision{Action: Refuse, Why: whyOtherOp}) {
		t.Errorf("add: %+v", got)
	}
	if got := (*Rules)(nil).Decide(login(t)); got != (Decision{Action: Refuse, Why: whyNoRules}) {
		t.Errorf("no rules at all: %+v", got)
	}
	broken := New(nil, []Rule{{Name: "broken", Action: "alow"}}, Options{})
	if got := broken.Decide(login(t)); got.Action != Refuse {
		t.Errorf("an action that nobody validated: %+v", got)
	}
	if got := rules.Decide(login(t)); got.Action != Allow {
		t.Errorf("signing: %+v", got)
	}
}

func BenchmarkDecide(b *testing.B) {
	text := ""
	for range 20 {
		text += named("n", "key = \"home*\"\nhost = \"*.example.org\"\nprogram = \"/opt/*/ssh\"\naction = \"allow\"")
	}
	dear := ""
	for range 20 {
		dear += named("n", "key = \"w*\"\nuser = \"g*\"\nprogram = \"/usr/*/ssh\"\nhost = \"*.example.org\"\naction = \"allow\"")
	}
	for _, bench := range []struct {
		name, text string
		use        *keys.Use
	}{
		{"sign,0 rules", "", login(b)},
		{"sign,20 rules", text, login(b)},
		{"sign,20 rules that match but for the host", dear, login(b)},
		{"list,0 rules", "", login(b, listing)},
		{"list,20 rules", text, login(b, listing)},
	} {
		b.Run(bench.name, func(b *testing.B) {
			rules := rulesOf(b, bench.text)
			b.ReportAllocs()
			for b.Loop() {
				rules.Decide(bench.use)
			}
		})
	}
}

func TestAsSSHAgentAllowsWhatNoRuleMatches(t *testing.T) {
	machine := []Rule{{Name: "no root", User: "root", Action: Refuse}}
	for _, asAgent := range []bool{false, true} {
		rules := New(machine, nil, Options{AsSSHAgent: asAgent})
		otherwise := Ask
		if asAgent {
			otherwise = Allow
		}
		for _, test := range []struct {
			name string
			use  *keys.Use
			want Action
		}{
			{"login", login(t), otherwise},
			{"forwarded login", login(t, forwarded), otherwise},
			{"git commit", login(t, sshsig("git")), otherwise},
			{"key added with -c", login(t, confirm), Ask},
			{"the machine's rule", login(t, account("root")), Refuse},
			{"the machine's rule in doubt", login(t, unknownData), Refuse},
		} {
			if d := rules.Decide(test.use); d.Action != test.want {
				t.Errorf("as ssh-agent %v: %s: %+v", asAgent, test.name, d)
			}
		}
	}
	if d := New(nil, nil, Options{AsSSHAgent: true}).Decide(login(t, unknownData)); d.Action != Allow {
		t.Errorf("unknown content: %+v", d)
	}
}

// The rules for a list decide about each of its keys as all of the rules do.
func TestForList(t *testing.T) {
	var one []string
	for _, fields := range []string{`key = "work"`, `key = "home"`, `program = "ssh"`, `program = "scp"`, `host = "git.example.com"`, `host = "prod*"`, `user = "git"`,
		`purpose = "sshsig:git"`, `forwarded = true`, `forwarded = false`, `socket = "box"`, ``} {
		for _, action := range []string{"allow", "ask", "refuse"} {
			one = append(one, named(action, fields+"\naction = \""+action+"\""))
		}
	}
	hidden := 0
	for _, first := range one {
		for _, second := range one {
			rules := rulesOf(t, first+second)
			for _, change := range []func(*keys.Use){listing, unidentified, forwarded, unverified, host("prod1"), program("/usr/bin/scp"), func(u *keys.Use) { u.Socket = "box" }} {
				use := login(t, listing, change)
				fitting := rules.ForList(use)
				for _, name := range []string{"work", "home"} {
					use.Key = testKey(t, name)
					want := rules.Decide(use)
					if got := fitting.Decide(use); got != want {
						t.Fatalf("%s%s%s: %+v, of all rules %+v", first, second, name, got, want)
					}
					if want.Action == Refuse {
						hidden++
					}
				}
			}
		}
	}
	if hidden == 0 {
		t.Error("no key is hidden")
	}
	if (*Rules)(nil).ForList(login(t, listing)).Decide(login(t, listing)).Action != Refuse {
		t.Error("without rules a key is listed")
	}
	if n := rulesOf(t, one[9]).ForList(login(t, listing)).Len(); n != 0 {
		t.Errorf("a rule for another program is kept: %d", n)
	}
}
