package agent

import (
	"context"
	"crypto/ed25519"
	"strings"
	"testing"

	"github.com/keybroker/keybroker/keys"
	"github.com/keybroker/keybroker/keys/keystest"
	"github.com/keybroker/keybroker/keys/privatekey"
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
