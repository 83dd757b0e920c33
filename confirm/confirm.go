// Package confirm asks the person: may this key be used, and what is the
// secret that opens it. Everything that goes wrong on the way is a refusal.
package confirm

import (
	"context"
	"fmt"
	"time"

	"github.com/keybroker/keybroker/desktop/question"
	"github.com/keybroker/keybroker/keys"
)

// Verdict is what the person said.
type Verdict string

// The verdicts. The zero value is no verdict and is treated as Deny.
const (
	Deny      Verdict = "deny"
	AllowOnce Verdict = "allow-once"
	AllowFor  Verdict = "allow-for"
	// AllowBurst allows what Question.Burst describes, including this use.
	AllowBurst Verdict = "allow-burst"
	// DenyFor denies this request and all others of that program for a while. A
	// Queue enforces it and passes it on as Deny.
	DenyFor Verdict = "deny-for"
)

// Question asks whether one use of a key may go ahead.
type Question struct {
	Use       *keys.Use
	Remember  time.Duration // the longest grant that may be offered; 0: none
	Why       string        // why the question is asked, in a few words ("no rule matches", the rule's name)
	Rule      string        // the rule that asks; "": none matches
	OwnerOnly bool          // no rule of the person can allow it, only one of the machine's owner
	Burst     *Burst        // also offered; nil: not offered
	Together  *Together     // the Queue turns it into a Burst when similar logins wait; nil: asked about alone
	History   string        // earlier uses: "first time with this key", "last used here 3 days ago"
	Pending   int           // how many questions wait when it is shown, including this one
}

// Burst lets one command sign several times after one question: for git, or for
// logins to the listed hosts.
type Burst struct {
	Command  string        // "git rebase", escaped
	PID      int           // of the command
	Count    int           // signatures at most, including this one
	For      time.Duration // at most
	Hosts    []keys.Host   // each with a name, the host of this login first; empty: for git
	Shown    int           // with Hosts: how many of them the question names, for those that were announced; 0: all
	NewHosts int           // with Hosts: waiting logins of the command to hosts without a known name
}

// Label is the text of a button or key.
func (b *Burst) Label() string {
	if b.ListsHosts() {
		return fmt.Sprintf("These %d hosts", len(b.Hosts))
	}
	return "This git command"
}

// Limit describes how much the command may sign: "up to 100 signatures, 10m".
func (b *Burst) Limit() string {
	if b.ListsHosts() {
		return fmt.Sprintf("this command to log in to these hosts, up to %d times, %s", b.Count, keys.ShortDuration(b.For))
	}
	return fmt.Sprintf("up to %d signatures, %s", b.Count, keys.ShortDuration(b.For))
}

// Word is the answer to type on a terminal.
func (b *Burst) Word() string {
	if b.ListsHosts() {
		return "hosts"
	}
	return "git"
}

// Choice is the text that follows the first letter of Word on a terminal.
func (b *Burst) Choice() string {
	limit := fmt.Sprintf("up to %d, %s", b.Count, keys.ShortDuration(b.For))
	if b.ListsHosts() {
		return fmt.Sprintf("osts (these %d, %s)", len(b.Hosts), limit)
	}
	return "it command (" + limit + ")"
}

// Line is the fact that names the command.
func (b *Burst) Line() question.Line {
	return question.Line{Label: "Command", Text: fmt.Sprintf("%s, pid %d", quote(b.Command, MaxValue), b.PID)}
}

// Answer is a verdict with its reason, as the audit log shows it.
type Answer struct {
	Verdict  Verdict
	For      time.Duration // with AllowFor and DenyFor: how long
	ByPerson bool          // with Deny: the person chose it; no timeout and no failure
	Remedy   string        // with Deny: what would help; "": trying again
	Hosts    []keys.Host   // with AllowBurst: the hosts that the question listed; the Queue sets it
	Reason   string        // "allowed by the person", "denied by the person", "no answer within 1m", …
}

// SecretQuestion asks for a passphrase or a PIN.
type SecretQuestion struct {
	Title  string    // "Unlock your keys"
	Text   string    // what the secret opens and who asks; several lines
	Prompt string    // "Passphrase:"
	Error  string    // why the last try failed; "" at the first
	Use    *keys.Use // the request that needs it; nil when there is none
	// Facts shows the facts of Use below Text, as Ask does: the answer is then
	// also the person's consent.
	Facts   bool
	Why     string // with Facts: as in Question
	History string // likewise
	Pending int    // likewise
}

// Question is a question with the same facts.
func (q SecretQuestion) Question() Question {
	return Question{Use: q.Use, Why: q.Why, History: q.History, Pending: q.Pending}
}

// Notice asks the person for an action: to insert a card, to touch a key. It
// needs no answer, but can be refused.
type Notice struct {
	Title   string    // "Touch YubiKey 12345678"
	Text    string    // several lines
	Use     *keys.Use // the use whose facts are shown; nil: none
	Why     string    // as in Question
	History string    // likewise
}

// Question is a question with the same facts.
func (n Notice) Question() Question { return Question{Use: n.Use, Why: n.Why, History: n.History} }

// Prompter reaches the person in one way: a pinentry, SSH_ASKPASS, a terminal.
type Prompter interface {
	// Name is a word for status and the log: "pinentry-qt", "terminal".
	Name() string
	// Ask returns when the person answered or ctx ended. An error means that
	// nobody was asked or the prompt broke: the caller refuses.
	Ask(ctx context.Context, q Question) (Answer, error)
	// Secret returns what the person typed; the caller wipes it.
	Secret(ctx context.Context, q SecretQuestion) ([]byte, error)
	// Notify shows n until ctx ends, and then returns nil. It returns
	// ErrClosed when the person refused, and any other error when n could not be
	// shown. It may show n beside a question.
	Notify(ctx context.Context, n Notice) error
}
