package ways

import (
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/keybroker/keybroker/agent/policy"
	"github.com/keybroker/keybroker/confirm"
	"github.com/keybroker/keybroker/keys"
	"github.com/keybroker/keybroker/platform"
	"github.com/keybroker/keybroker/wire"
)

// remedy is what a refusal of prompt = "none" tells the person to do.
func remedy(t *testing.T, q confirm.Question) string {
	t.Helper()
	_, err := None{why: `prompt = "none"`, wanted: true}.Ask(t.Context(), q)
	if err == nil {
		t.Fatal("not refused")
	}
	return platform.Text(err)
}

// ruleIn reads the rule that a remedy suggests.
func ruleIn(t *testing.T, remedy string) policy.Rule {
	t.Helper()
	_, text, found := strings.Cut(remedy, "[[rule]]")
	if !found {
		t.Fatalf("no rule in %q", remedy)
	}
	text, _, _ = strings.Cut(text, "; ")
	r := policy.Rule{Name: "suggested", Forwarded: ptr(strings.Contains(text, "forwarded = true"))}
	for _, field := range regexp.MustCompile(`(\w+) = ("[^"]*")`).FindAllStringSubmatch(text, -1) {
		value, err := strconv.Unquote(field[2])
		if err != nil {
			t.Fatal(err)
		}
		switch field[1] {
		case "key":
			r.Key = value
		case "host":
			r.Host = value
		case "user":
			r.User = value
		case "purpose":
			r.Purpose = value
		case "socket":
			r.Socket = value
		case "action":
			r.Action = policy.Action(value)
		default:
			t.Fatalf("%s in %q", field[1], remedy)
		}
	}
	if err := r.Validate(); err != nil {
		t.Fatalf("%q: %v", remedy, err)
	}
	return r
}

func ptr[T any](v T) *T { return &v }

func login(key keys.Info, user string) *keys.Use {
	return &keys.Use{Op: keys.OpSign, Key: key, Purpose: wire.Purpose{Kind: wire.KindLogin, User: user}, Destination: keys.Destination{
		Trust: keys.TrustVerified, Host: keys.Host{Fingerprint: "SHA256:host", Names: []string{"git.example.com"}}}}
}

var (
	sealed = keys.Info{Name: "work", Comment: "me@home", Fingerprint: "SHA256:sealed"}
	added  = keys.Info{Comment: "root@vm", Fingerprint: "SHA256:added"}
)

// The remedy of prompt = "none" is the rule that is missing: it allows this very use
// and, where it names a value, none with another.
func TestSuggestedRuleAllows(t *testing.T) {
	forwarded, unproved, onSocket := login(sealed, "git"), login(added, "git"), login(added, "git")
	forwarded.Destination.Forwarded, onSocket.Socket = true, "builds"
	unproved.Destination = keys.Destination{Trust: keys.TrustClaimed, Claimed: "git.example.com"}
	unknown := login(added, "")
	unknown.Purpose, unknown.Destination = wire.Purpose{Kind: wire.KindUnknown}, keys.Destination{Trust: keys.TrustNone}
	port := login(sealed, `CORP\alice`)
	port.Destination.Host.Names = []string{"[git.example.com]:2222"}
	wild := login(keys.Info{Name: "card *", Fingerprint: "SHA256:card"}, "git")
	for name, use := range map[string]*keys.Use{"sealed": login(sealed, "git"), "added": login(added, "git"), "forwarded": forwarded,
		"unproved": unproved, "separate socket": onSocket, "unknown purpose": unknown, "a name with a wildcard": wild, "port": port} {
		rule := ruleIn(t, remedy(t, confirm.Question{Use: use}))
		rules := policy.New(nil, []policy.Rule{rule}, policy.Options{}).WithViews(policy.View{Name: "builds"})
		if d := rules.Decide(use); d.Action != policy.Allow {
			t.Errorf("%s: %+v: %+v", name, rule, d)
		}
		other := *use
		other.Key = keys.Info{Name: "card other", Comment: use.Key.Comment, Fingerprint: "SHA256:other"}
		if d := rules.Decide(&other); d.Action == policy.Allow {
			t.Errorf("%s: %+v allows another key", name, rule)
		}
		if use == unproved && rule.Host != "" {
			t.Errorf("a rule for an unproved host: %+v", rule)
		}
	}
}

// Where a rule asks, only a rule before it helps.
func TestSuggestedRuleStandsBeforeTheOneThatAsks(t *testing.T) {
	use, asks := login(sealed, "git"), policy.Rule{Name: "logins", Purpose: "login", Action: policy.Ask}
	d := policy.New(nil, []policy.Rule{asks}, policy.Options{}).Decide(use)
	text := remedy(t, confirm.Question{Use: use, Rule: d.Rule})
	if !strings.Contains(text, `a rule before the rule "logins" would allow it: `) {
		t.Error(text)
	}
	rule := ruleIn(t, text)
	if d := policy.New(nil, []policy.Rule{rule, asks}, policy.Options{}).Decide(use); d.Action != policy.Allow {
		t.Errorf("before: %+v", d)
	}
	if d := policy.New(nil, []policy.Rule{asks, rule}, policy.Options{}).Decide(use); d.Action != policy.Ask {
		t.Errorf("after: %+v", d)
	}
}

// Where the machine's owner lets no rule of the user allow, a rule of the owner does.
func TestSuggestedRuleIsTheOwners(t *testing.T) {
	use, no := login(sealed, "git"), false
	for name, options := range map[string]policy.Options{"limited": {Limits: policy.Limits{Allow: &no}}, "not limited": {}} {
		d := policy.New(nil, nil, options).Decide(use)
		text := remedy(t, confirm.Question{Use: use, OwnerOnly: d.OwnerOnly})
		if strings.Contains(text, "only a rule of the machine's owner, in policy.toml, can allow it: ") != (name == "limited") {
			t.Errorf("%s: %s", name, text)
		}
		rule := ruleIn(t, text)
		if d := policy.New([]policy.Rule{rule}, nil, options).Decide(use); d.Action != policy.Allow {
			t.Errorf("%s: a rule of the owner: %+v", name, d)
		}
		if d := policy.New(nil, []policy.Rule{rule}, options).Decide(use); (d.Action == policy.Allow) == (name == "limited") {
			t.Errorf("%s: a rule of the user: %+v", name, d)
		}
	}
}

// No rule is suggested that would not help, or that would allow more than this use.
func TestNoRuleIsSuggested(t *testing.T) {
	confirmed := added
	confirmed.Confirm = true
	namespace := login(added, "")
	namespace.Purpose = wire.Purpose{Kind: wire.KindSSHSig, Namespace: "*"}
	for name, test := range map[string]struct {
		use  *keys.Use
		want string
	}{
		"ssh-add -c":           {login(confirmed, "git"), "add it again without -c"},
		"a wildcard as user":   {login(added, "*"), "no rule can name exactly this use"},
		"an exception as user": {login(added, "!root"), "no rule can name exactly this use"},
		"a bracket in a user":  {login(added, "a[b"), "no rule can name exactly this use"},
		"a namespace":          {namespace, "no rule can name exactly this use"},
		"a long user":          {login(added, strings.Repeat("x", 2*maxRuleValue)), "no rule can name exactly this use"},
	} {
		text := remedy(t, confirm.Question{Use: test.use})
		if strings.Contains(text, "[[rule]]") || !strings.Contains(text, test.want) || !strings.Contains(text, `prompt = "auto"`) {
			t.Errorf("%s: %s", name, text)
		}
	}
}
