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
	// AllowBurst allows what Question.Burst describes, this use with it.
	AllowBurst Verdict = "allow-burst"
	// DenyFor denies, and whatever else that program asks for a while. A Queue
	// sees to it, and hands it on as Deny.
	DenyFor Verdict = "deny-for"
)

// Question asks whether one use of a key may go ahead.
type Question struct {
	Use      *keys.Use
	Remember time.Duration // the longest grant that may be offered; 0: none
	Why      string        // why it is asked, in a few words ("no rule matches", the rule's name)
	Burst    *Burst        // may be offered too; nil: it may not
	Together *Together     // the Queue makes a Burst of it when others of its like wait; nil: it is asked about alone
	History  string        // what was before: "first time with this key", "last used here 3 days ago"
	Of       int           // how many questions wait when it is shown, this one with them
}

// Burst is one command that may sign a number of times after one question: for
// git, or for logins to the hosts that are listed.
type Burst struct {
	Command string        // "git rebase", escaped
	PID     int           // of the command
	Count   int           // signatures at most, this one with them
	For     time.Duration // at most
	Hosts   []keys.Host   // each with a name; this one's first; none: it is for git
	New     int           // with Hosts: logins of the command that wait and are not in them, as the host has no name
}

// Label is what a button or a key to press says.
func (b *Burst) Label() string {
	if b.Lists() {
		return fmt.Sprintf("These %d hosts", len(b.Hosts))
	}
	return "This git command"
}

// Limit is how much it may sign: "up to 100 signatures, 10m".
func (b *Burst) Limit() string {
	if b.Lists() {
		return fmt.Sprintf("this command to log in to these hosts, up to %d times, %s", b.Count, keys.ShortDuration(b.For))
	}
	return fmt.Sprintf("up to %d signatures, %s", b.Count, keys.ShortDuration(b.For))
}

// Word is what is typed for it on a terminal.
func (b *Burst) Word() string {
	if b.Lists() {
		return "hosts"
	}
	return "git"
}

// Choice is what stands behind the first letter of Word there.
func (b *Burst) Choice() string {
	limit := fmt.Sprintf("up to %d, %s", b.Count, keys.ShortDuration(b.For))
	if b.Lists() {
		return fmt.Sprintf("osts (these %d, %s)", len(b.Hosts), limit)
	}
	return "it command (" + limit + ")"
}

// Line is the fact that goes with it: which command that is.
func (b *Burst) Line() question.Line {
	return question.Line{Label: "Command", Text: fmt.Sprintf("%s, pid %d", quote(b.Command, MaxValue), b.PID)}
}

// Answer is a verdict with its reason, as the audit log will show it.
type Answer struct {
	Verdict Verdict
	For     time.Duration // with AllowFor and DenyFor: how long
	Said    bool          // with Deny: the person said so; no time was over, and nothing broke
	Remedy  string        // with Deny: what would help; "": to try again
	Hosts   []keys.Host   // with AllowBurst: those that the question listed; the Queue sets it
	Reason  string        // "allowed by the person", "denied by the person", "no answer within 1m0s", …
}

// SecretQuestion asks for a passphrase or a PIN.
type SecretQuestion struct {
	Title  string    // "Unlock your keys"
	Text   string    // what it opens and who asks; several lines
	Prompt string    // "Passphrase:"
	Error  string    // why the last try failed; "" at the first
	Use    *keys.Use // the request that needs it; nil when there is none
	// Facts shows the facts of Use below Text, as Ask does: the answer is the
	// person's consent to it.
	Facts   bool
	Why     string // with Facts: as in Question
	History string // likewise
	Of      int    // likewise
}

// Question is the one that has the same facts.
func (q SecretQuestion) Question() Question {
	return Question{Use: q.Use, Why: q.Why, History: q.History, Of: q.Of}
}

// Notice tells the person of something that waits for their hands: a card to
// be put in, a touch. It asks for no answer, but can be refused.
type Notice struct {
	Title   string    // "Touch YubiKey 12345678"
	Text    string    // several lines
	Use     *keys.Use // what it is for: its facts are shown; nil: none
	Why     string    // as in Question
	History string    // likewise
}

// Question is the one that has the same facts.
func (n Notice) Question() Question { return Question{Use: n.Use, Why: n.Why, History: n.History} }

// Prompter reaches the person in one way: a pinentry, SSH_ASKPASS, a terminal.
type Prompter interface {
	// Name is a word for status and the log: "pinentry-qt", "terminal".
	Name() string
	// Ask returns when the person answered or ctx ended. An error means that
	// nobody was asked or the way broke: the caller refuses.
	Ask(ctx context.Context, q Question) (Answer, error)
	// Secret returns what the person typed; the caller wipes it. An error
	// means that there is none.
	Secret(ctx context.Context, q SecretQuestion) ([]byte, error)
	// Notify shows n until ctx ends, and then returns nil. It returns
	// ErrClosed when the person refused what n tells of, and any other error
	// when n could not be shown. It may show n beside a question.
	Notify(ctx context.Context, n Notice) error
}
