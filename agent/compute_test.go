package agent

import (
	"context"
	"crypto/ed25519"
	"errors"
	"strings"
	"testing"

	"github.com/keybroker/keybroker/confirm"
	"github.com/keybroker/keybroker/keys"
	"github.com/keybroker/keybroker/keys/keystest"
	"github.com/keybroker/keybroker/keys/privatekey"
	sshagent "golang.org/x/crypto/ssh/agent"
)

// lender is a source that lends a key, or nil.
type lender struct {
	*keystest.Source
	key *privatekey.Key
}

func (l lender) Lend(context.Context, *keys.Use) (*privatekey.Key, error) { return l.key, nil }

func TestTheAgentSignsWithALentKey(t *testing.T) {
	own := func(s *keystest.Source) *privatekey.Key { return s.Private() }
	noKey := func(*keystest.Source) *privatekey.Key { return nil }
	for _, test := range []struct {
		name    string
		key     func(*keystest.Source) *privatekey.Key
		corrupt bool
		asked   int    // how often the source was asked to sign
		reason  string // "": it is signed
	}{
		{"the key of the source", own, true, 0, ""},
		{"another key", func(*keystest.Source) *privatekey.Key { return keystest.New("other").Private() }, false, 0, "the private key does not fit the public key"},
		{"no key: the source signs", noKey, false, 1, ""},
		{"no key, and the source's signature is faulty", noKey, true, 1, "the signature does not verify with the public key"},
	} {
		t.Run(test.name, func(t *testing.T) {
			source := keystest.New("work")
			source.Corrupt = test.corrupt
			r := newRigWith(t, func(c *Config) { c.Ring = keys.NewRing(lender{source, test.key(source)}) }, allowAll)
			r.source = source
			data := gitData("commit")
			if signed := r.verifies(r.connect().ask(r.sign(data)), data); signed != (test.reason == "") {
				t.Errorf("signed: %v", signed)
			}
			if last := r.last(); test.reason != "" && !strings.HasPrefix(last.Reason, test.reason) {
				t.Errorf("%s: %s", last.Decision, last.Reason)
			}
			if asked := len(source.Uses()); asked != test.asked {
				t.Errorf("the source was asked %d times, want %d", asked, test.asked)
			}
		})
	}
}

// Ed25519 hashes the public half that lies beside the private one: a bit that
// falls over in it must not sign.
func TestAChangedPublicHalfDoesNotSign(t *testing.T) {
	r := newRig(t, allowAll)
	_, private, _ := ed25519.GenerateKey(nil)
	key, err := privatekey.New(private)
	if err != nil {
		t.Fatal(err)
	}
	wanted := toSign{&keys.Use{Key: keys.NewInfo(key.PublicKey(), "")}, []byte("data"), "ssh-ed25519"}
	source := lender{r.source, key}
	if _, err := compute(t.Context(), source, wanted); err != nil {
		t.Error(err)
	}
	private[ed25519.SeedSize] ^= 1
	if _, err := compute(t.Context(), source, wanted); err == nil || !strings.Contains(err.Error(), "does not fit") {
		t.Error(err)
	}
}

// A key that was removed while its question was shown is not lent for the answer.
func TestAKeyThatWasRemovedMeanwhileIsNotLent(t *testing.T) {
	for name, test := range map[string]struct {
		do     func(sshagent.ExtendedAgent, sshagent.AddedKey) error
		signed bool
	}{
		"removed":     {func(a sshagent.ExtendedAgent, _ sshagent.AddedKey) error { return a.RemoveAll() }, false},
		"not removed": {func(sshagent.ExtendedAgent, sshagent.AddedKey) error { return nil }, true},
		"removed, added again": {func(a sshagent.ExtendedAgent, key sshagent.AddedKey) error {
			return errors.Join(a.RemoveAll(), a.Add(key))
		}, true},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t)
			agent, key := r.library(), sshagent.AddedKey{PrivateKey: privateKeys(t)["ed25519"], Comment: "c"}
			if err := agent.Add(key); err != nil {
				t.Fatal(err)
			}
			list, err := agent.List()
			if err != nil {
				t.Fatal(err)
			}
			r.prompt.answer = func(ctx context.Context, q confirm.Question) (confirm.Answer, error) {
				if err := test.do(r.library(), key); err != nil {
					t.Error(err)
				}
				return say(confirm.AllowOnce)(ctx, q)
			}
			if _, err := agent.Sign(list[0], gitData("x")); (err == nil) != test.signed {
				t.Errorf("%v; %s", err, r.last().Reason)
			}
		})
	}
}
