package ways

import (
	"cmp"
	"context"
	"fmt"
	"strings"

	"github.com/keybroker/keybroker/confirm"
	"github.com/keybroker/keybroker/keys"
	"github.com/keybroker/keybroker/platform"
	"github.com/keybroker/keybroker/problem"
)

// ApproveHere is the remedy that works wherever the daemon runs.
const ApproveHere = "in a terminal of yours: keybroker approve"

// setAuto is the remedy of None that is wanted, where no rule helps.
const setAuto = `set [confirm] prompt = "auto", and start the daemon again`

// maxRuleValue bounds each value of the rule that a refusal suggests.
const maxRuleValue = 100

// None refuses everything: nobody can be reached, or nobody is to be asked.
type None struct {
	why     string
	wanted  bool // PromptNone is configured
	display bool // there is a display, but no program that draws on it
}

func (n None) Name() string {
	if n.wanted {
		return "none (what no rule allows is refused)"
	}
	return "none"
}

func (n None) Ask(_ context.Context, q confirm.Question) (confirm.Answer, error) {
	if n.wanted {
		return confirm.Answer{}, n.err(remedyFor(q))
	}
	return confirm.Answer{}, n.err("")
}

func (n None) Secret(_ context.Context, q confirm.SecretQuestion) ([]byte, error) {
	if n.wanted {
		return nil, n.err("what opens the keys can come from [softkeys] passphrase_file; a card's PIN, from a person only")
	}
	return nil, n.err("")
}

func (n None) Notify(context.Context, confirm.Notice) error { return n.err("") }

// err has the remedy on its second line.
func (n None) err(remedy string) error {
	if n.wanted {
		remedy = cmp.Or(remedy, setAuto)
	}
	if n.display {
		remedy = "put keybroker-desktop beside keybroker, or install pinentry-qt, and start the daemon again; or in a terminal of yours: keybroker approve"
	}
	return problem.With(fmt.Errorf("%w: %s", confirm.ErrNoWay, n.why), "%s", cmp.Or(remedy, ApproveHere))
}

// remedyFor is what allows the use of q without a person.
func remedyFor(q confirm.Question) string {
	if q.Use.Key.Confirm {
		return "the key was added with ssh-add -c, which no rule can lift: add it again without -c, or " + setAuto
	}
	rule, exact := ruleFor(q.Use)
	switch {
	case !exact:
		return "no rule can name exactly this use: " + setAuto
	case q.OwnerOnly:
		return "only a rule of the machine's owner, in policy.toml, can allow it: " + rule + "; try it: keybroker policy test; or " + setAuto
	case q.Rule != "": // the first rule that matches decides
		return fmt.Sprintf("a rule before the rule %q would allow it: %s; try it: keybroker policy test", platform.Escape(q.Rule, maxRuleValue), rule)
	}
	return "a rule would allow it: " + rule + "; try it: keybroker policy test"
}

// ruleFor is the narrowest rule that would allow this use, and whether it names
// exactly this use: a client chooses the user and the namespace, and "*" would
// name them all.
func ruleFor(use *keys.Use) (rule string, exact bool) {
	fields, exact := []string{"[[rule]]"}, true
	add := func(name, value string) {
		if value != "" {
			fields = append(fields, fmt.Sprintf("%s = %q", name, platform.Escape(value, maxRuleValue)))
			exact = exact && isLiteral(value)
		}
	}
	add("key", keyOf(&use.Key))
	if use.Destination.Trust == keys.TrustVerified && len(use.Destination.Host.Names) > 0 {
		add("host", use.Destination.Host.Name())
	}
	add("user", use.Purpose.User) // of a login
	if use.Purpose.Kind != "" {
		add("purpose", use.Purpose.String())
	}
	add("socket", use.Socket)
	if use.Destination.Forwarded {
		fields = append(fields, "forwarded = true")
	}
	return strings.Join(append(fields, `action = "allow"`), ", "), exact
}

// keyOf never returns the comment, which rules do not match.
func keyOf(key *keys.Info) string {
	if key.Name != "" && isLiteral(key.Name) {
		return key.Name
	}
	return key.Fingerprint
}

// isLiteral reports whether a rule can have the value, and as a pattern it matches
// itself alone.
func isLiteral(value string) bool {
	if name, port, found := keys.SplitPort(value); found {
		value = name + port // rules write a host's port as known_hosts does: "[name]:port"
	}
	return !strings.ContainsAny(value, `*?,![]{}()|^$"`) && strings.TrimSpace(value) == value && platform.Escape(value, maxRuleValue) == value
}
