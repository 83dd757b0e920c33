package agent

import (
	"context"
	"errors"
	"slices"
	"testing"

	"github.com/keybroker/keybroker/agent/audit"
	"github.com/keybroker/keybroker/agent/policy"
	"github.com/keybroker/keybroker/confirm"
	"github.com/keybroker/keybroker/keys"
	"github.com/keybroker/keybroker/keys/keystest"
	"golang.org/x/crypto/ssh"
)

// asker is a source that asks by itself: as a card does for its PIN.
type asker struct {
	*keystest.Source
	consent string // what SignAsking returns
	err     error
	steps   *[]string
}

func (a asker) SignAsking(ctx context.Context, use *keys.Use, why string, data []byte, algorithm string) (*ssh.Signature, string, error) {
	*a.steps = append(*a.steps, "the source asks: "+why)
	if a.err != nil {
		return nil, "", a.err
	}
	signature, err := a.Source.Sign(ctx, use, data, algorithm)
	return signature, a.consent, err
}

func (a asker) Sign(ctx context.Context, use *keys.Use, data []byte, algorithm string) (*ssh.Signature, error) {
	*a.steps = append(*a.steps, "sign")
	return a.Source.Sign(ctx, use, data, algorithm)
}

// There is one question for a signature, and none is left out.
func TestASourceThatAsksIsTheQuestion(t *testing.T) {
	for _, test := range []struct {
		name    string
		silent  bool // it signs, and returns neither a consent nor an error
		corrupt bool // its signature does not verify
		err     error
		rules   []policy.Rule
		verdict confirm.Verdict
		steps   []string
		reason  string
		refused bool
	}{
		{name: "its question is the consent", verdict: confirm.Deny,
			steps: []string{"the source asks: no rule matches"}, reason: "allowed by the person: PIN"},
		{name: "its no is a refusal", err: errors.New("the PIN prompt was closed"), verdict: confirm.AllowOnce,
			steps: []string{"the source asks: no rule matches"}, reason: "the PIN prompt was closed", refused: true},
		{name: "it signs without a consent", silent: true, verdict: confirm.AllowOnce,
			steps: []string{"the source asks: no rule matches"}, reason: "the key's source signed without the person's consent", refused: true},
		{name: "its signature is faulty", corrupt: true, verdict: confirm.AllowOnce, steps: []string{"the source asks: no rule matches"},
			reason: "the signature does not verify with the public key: ssh: signature did not verify", refused: true},
		{name: "nothing to ask for: the ordinary question", err: keys.ErrNotAsked, verdict: confirm.AllowOnce,
			steps: []string{"the source asks: no rule matches", "question", "sign"}, reason: "the person said allow-once"},
		{name: "nothing to ask for, and denied", err: keys.ErrNotAsked, verdict: confirm.Deny,
			steps: []string{"the source asks: no rule matches", "question"}, reason: "the person said deny", refused: true},
		{name: "a rule wants the question first", verdict: confirm.AllowOnce,
			rules: []policy.Rule{{Name: "both", Action: policy.Ask, AskFirst: true}},
			steps: []string{"question", "sign"}, reason: "the person said allow-once"},
		{name: "a rule wants the question first, and it is denied", verdict: confirm.Deny,
			rules: []policy.Rule{{Name: "both", Action: policy.Ask, AskFirst: true}},
			steps: []string{"question"}, reason: "the person said deny", refused: true},
		{name: "allowed by a rule: no consent is needed", verdict: confirm.Deny, rules: []policy.Rule{allowAll},
			steps: []string{"sign"}, reason: `allowed by rule "all"`},
	} {
		t.Run(test.name, func(t *testing.T) {
			var steps []string
			consent := "allowed by the person: PIN"
			if test.silent {
				consent = ""
			}
			r := newRigWith(t, func(c *Config) {
				c.Ring = keys.NewRing(asker{c.Ring.Sources()[1].(*keystest.Source), consent, test.err, &steps})
			}, test.rules...)
			r.source.Corrupt = test.corrupt
			r.prompt.answer = func(ctx context.Context, q confirm.Question) (confirm.Answer, error) {
				steps = append(steps, "question")
				return say(test.verdict)(ctx, q)
			}
			data := gitData("commit")
			reply := r.connect().ask(r.sign(data))
			if signed := r.verifies(reply, data); signed == test.refused {
				t.Errorf("signed: %v", signed)
			}
			if !slices.Equal(steps, test.steps) {
				t.Errorf("%q, not %q", steps, test.steps)
			}
			last := r.last()
			if last.Reason != test.reason || (last.Decision == audit.Refused) != test.refused {
				t.Errorf("%s: %s", last.Decision, last.Reason)
			}
		})
	}
}
