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
		return confirm.Answer{}, n.err(ruleFor(q.Use))
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
		remedy = cmp.Or(remedy, `set [confirm] prompt = "auto", and start the daemon again`)
	}
	if n.display {
		remedy = "put keybroker-desktop beside keybroker, or install pinentry-qt, and start the daemon again; or in a terminal of yours: keybroker approve"
	}
	return problem.With(fmt.Errorf("%w: %s", confirm.ErrNoWay, n.why), "%s", cmp.Or(remedy, ApproveHere))
}

// ruleFor is the narrowest rule that would allow this use.
func ruleFor(use *keys.Use) string {
	fields := []string{"[[rule]]"}
	add := func(name, value string) {
		if value != "" {
			fields = append(fields, fmt.Sprintf("%s = %q", name, platform.Escape(value, maxRuleValue)))
		}
	}
	add("key", cmp.Or(use.Key.Name, use.Key.Comment, use.Key.Fingerprint))
	if use.Destination.Trust == keys.TrustVerified && len(use.Destination.Host.Names) > 0 {
		add("host", use.Destination.Host.Name())
	}
	add("user", use.Purpose.User) // of a login
	if use.Purpose.Kind != "" {
		add("purpose", use.Purpose.String())
	}
	if use.Destination.Forwarded {
		fields = append(fields, "forwarded = true")
	}
	return "a rule would allow it: " + strings.Join(append(fields, `action = "allow"`), ", ") + "; try it: keybroker policy test"
}
