// Package policy decides what a program may do with a key: allow, ask or
// refuse. It is pure: it reads no clock and no file, so the same request with
// the same rules always gets the same decision.
//
// The rules are the `[[rule]]` tables of config.toml and policy.toml. The first
// one that matches decides; when none does, the person is asked. Some rules cannot
// be evaluated, because the program or the destination is unknown. Such a rule
// never allows; if it would have refused or asked, no later rule can allow either.
// docs/policy.md explains all this to users.
package policy

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode"

	"github.com/keybroker/keybroker/keys"
	"github.com/keybroker/keybroker/wire"
)

const (
	// MaxRemember is the longest grant a rule may offer. Anything longer should
	// be a rule with action = "allow", where it can be seen.
	MaxRemember = 24 * time.Hour
	// MaxName keeps a rule's name short enough for a prompt and a log line.
	MaxName = 128
)

// Action is what happens to a request.
type Action string

// The actions. Anything else refuses.
const (
	Allow  Action = "allow"
	Ask    Action = "ask"
	Refuse Action = "refuse"
)

// Rule is one `[[rule]]` table. An absent field matches everything, except that
// an allow rule without Forwarded matches only requests that are not forwarded,
// and one without Socket only those through the agent's own socket.
type Rule struct {
	Name      string        `toml:"name" json:"name" policy:"nonempty"`
	Key       string        `toml:"key" json:"key,omitempty" policy:"nonempty"`         // name or fingerprint; Key to Program are keys.Patterns
	Host      string        `toml:"host" json:"host,omitempty" policy:"nonempty"`       // a name of a verified destination
	User      string        `toml:"user" json:"user,omitempty" policy:"nonempty"`       // the account to log in to
	Program   string        `toml:"program" json:"program,omitempty" policy:"nonempty"` // base name, or absolute path when it has a "/"
	Purpose   string        `toml:"purpose" json:"purpose,omitempty" policy:"nonempty"` // one of Purposes, or "sshsig:git", "sshsig:*"
	Socket    string        `toml:"socket" json:"socket,omitempty" policy:"nonempty"`   // name of a [[socket]] table; an allow rule without it: the agent's own only
	Forwarded *bool         `toml:"forwarded" json:"forwarded,omitempty"`
	Action    Action        `toml:"action" json:"action"`
	Remember  time.Duration `toml:"remember" json:"remember,omitempty"`   // with ask: the longest grant the prompt may offer
	AskFirst  bool          `toml:"ask_first" json:"ask_first,omitempty"` // with ask: a PIN or a touch is not enough

	List string `toml:"list" json:"list,omitempty" policy:"nonempty"` // "only": hide all other keys from that host

	File string `toml:"-" json:"file,omitempty"`
	Line int    `toml:"-" json:"line,omitempty"`
}

// FieldError says what is wrong with a field of a rule. Field is "" when the
// message is about the whole rule.
type FieldError struct {
	Field   string
	Message string
}

func (e *FieldError) Error() string { return e.Message }

// Validate returns every fault of the rule, each a *FieldError, joined.
func (r *Rule) Validate() error {
	return errors.Join(
		checkName(r.Name),
		checkPattern("key", r.Key, ""),
		checkPattern("host", r.Host, ""),
		checkPattern("user", r.User, `\`), // CORP\alice is an account's name
		checkPattern("program", r.Program, ""),
		checkPurpose(r.Purpose),
		checkPattern("socket", r.Socket, ""),
		checkAction(r.Action),
		checkRemember(r.Remember),
		checkAskFirst(r.AskFirst, r.Action),
		checkList(r),
	)
}

func fieldError(field, format string, args ...any) error {
	return &FieldError{Field: field, Message: fmt.Sprintf(format, args...)}
}

func checkName(s string) error {
	if len(s) > MaxName {
		return fieldError("name", "name is longer than %d bytes", MaxName)
	}
	if strings.ContainsFunc(s, unprintable) {
		return fieldError("name", "name has a character that cannot be printed")
	}
	return nil
}

// unprintable keeps control and invisible characters out of prompts: they could
// make one rule look like another.
func unprintable(r rune) bool { return !unicode.IsPrint(r) }

func checkAction(a Action) error {
	switch {
	case a == "":
		return fieldError("", `the rule has no action: write action = "allow", "ask" or "refuse"`)
	case a != Allow && a != Ask && a != Refuse:
		return fieldError("action", `unknown action %q: write "allow", "ask" or "refuse"`, string(a))
	}
	return nil
}

func checkRemember(d time.Duration) error {
	if d < 0 {
		return fieldError("remember", "remember is negative")
	}
	if d > MaxRemember {
		return fieldError("remember", `remember is longer than %s: for more, write a rule with action = "allow"`, keys.ShortDuration(MaxRemember))
	}
	return nil
}

// Purposes are the purposes that a rule can name, besides sshsig with a namespace.
var Purposes = []string{"login", "certificate", "certificate:user", "certificate:host", "sudo", "challenge", "test", "unknown"}

func checkPurpose(s string) error {
	if s == "" || slices.Contains(Purposes, s) {
		return nil
	}
	namespace, ok := strings.CutPrefix(s, string(wire.KindSSHSig)+":")
	if !ok || namespace == "" {
		return fieldError("purpose", `unknown purpose %q: write "sshsig:git", "sshsig:*" or one of %s`, s, strings.Join(Purposes, ", "))
	}
	if r, found := firstUnsupported(namespace, ""); found { // one pattern, not a list
		return unsupportedError("purpose", namespace, r)
	}
	return checkPattern("purpose", namespace, "")
}

func checkAskFirst(first bool, a Action) error {
	if first && a != Ask {
		return fieldError("ask_first", `ask_first is only for action = "ask"`)
	}
	return nil
}
