package policy

import (
	"testing"

	"github.com/keybroker/keybroker/keys"
	"github.com/keybroker/keybroker/wire"
)

func purpose(p wire.Purpose) func(*keys.Use) {
	return func(u *keys.Use) {
		u.Purpose, u.Destination = p, keys.Destination{Trust: keys.TrustNone}
	}
}

// Purposes other than login and SSHSIG are allowed only by name, and never remembered.
func TestPurposesThatMustBeNamed(t *testing.T) {
	user := wire.Purpose{Kind: wire.KindCertificate, Certificate: &wire.Certificate{For: "user"}}
	for name, test := range map[string]struct {
		purpose wire.Purpose
		named   []string // rules with these match
		others  []string
	}{
		"certificate": {user, []string{"certificate", "certificate:user"}, []string{"certificate:host", "unknown", "sshsig:*"}},
		"sudo":        {wire.Purpose{Kind: wire.KindSudo}, []string{"sudo"}, []string{"challenge", "login", "unknown"}},
		"challenge":   {wire.Purpose{Kind: wire.KindChallenge}, []string{"challenge"}, []string{"sudo", "unknown"}},
		"test":        {wire.Purpose{Kind: wire.KindTest}, []string{"test"}, []string{"login", "unknown"}},
		"unknown":     {wire.Purpose{Kind: wire.KindUnknown}, []string{"unknown"}, []string{"test", "sudo", "sshsig:*"}},
	} {
		u := login(t, purpose(test.purpose))
		allows := func(p string) bool {
			rule := "action = \"allow\"\n"
			if p != "" {
				rule += "purpose = \"" + p + "\"\n"
			}
			return rulesOf(t, named("r", rule)).Decide(u).Action == Allow
		}
		for _, p := range test.named {
			if !allows(p) {
				t.Errorf("%s: a rule that says %q does not allow it", name, p)
			}
		}
		for _, p := range append(test.others, "") {
			if allows(p) {
				t.Errorf("%s: a rule that says %q allows it", name, p)
			}
		}
		ask := rulesOf(t, named("r", "action = \"ask\"\nremember = \"1h\"")).Decide(u)
		if ask.Action != Ask || Offer(u, ask) != 0 {
			t.Errorf("%s: %+v, a grant for %s", name, ask, Offer(u, ask))
		}
		if d := New(nil, nil, Options{AsSSHAgent: true}).Decide(u); d.Action != Allow {
			t.Errorf("%s: as ssh-agent %+v", name, d)
		}
	}
}

// A rule about hosts or accounts may apply to a challenge.
func TestChallengeMayBeALogin(t *testing.T) {
	for text, want := range map[string]Action{
		"host = \"prod\"\naction = \"refuse\"": Refuse,
		"user = \"root\"\naction = \"refuse\"": Refuse,
	} {
		rules := rulesOf(t, named("r", text))
		if d := rules.Decide(login(t, purpose(wire.Purpose{Kind: wire.KindChallenge}))); d.Action != want {
			t.Errorf("%s: challenge: %+v", text, d)
		}
		if d := rules.Decide(login(t, purpose(wire.Purpose{Kind: wire.KindTest}))); d.Action != Ask {
			t.Errorf("%s: test: %+v", text, d)
		}
	}
}

// A rule that may apply asks, although one below allows the purpose by name.
func TestDoubtStandsAboveAnAllowedPurpose(t *testing.T) {
	u := login(t, unknownData)
	u.Destination.Trust = keys.TrustNone
	allow := named("u", "purpose = \"unknown\"\naction = \"allow\"")
	if d := rulesOf(t, allow).Decide(u); d.Action != Allow || d.Rule != "u" {
		t.Errorf("%+v", d)
	}
	if d := rulesOf(t, named("prod", "host = \"prod\"\naction = \"ask\"")+allow).Decide(u); d.Action != Ask || d.Rule != "prod" {
		t.Errorf("%+v", d)
	}
	if d := rulesOf(t, allow).Decide(login(t, unknownData, confirm)); d.Action != Ask {
		t.Errorf("added with -c: %+v", d)
	}
	if d := rulesOf(t, allow).Decide(login(t, unknownData, forwarded)); d.Action != Ask {
		t.Errorf("forwarded: %+v", d)
	}
}
