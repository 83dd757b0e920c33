package keys

import (
	"context"
	"errors"
)

// Person is how a source reaches the person. Every source asks through this one
// interface, so that all their questions look alike and a refusal means the same.
type Person interface {
	// Secret returns what the person typed; the caller wipes it. The error wraps
	// ErrRefused when the person refused, and is otherwise why nobody was asked.
	Secret(ctx context.Context, q Question) ([]byte, error)
	// Notify shows n until ctx ends, and then returns nil. The error wraps
	// ErrRefused when the person refused what n tells of, and is otherwise why n
	// could not be shown.
	Notify(ctx context.Context, n Notice) error
}

// ErrRefused is wrapped by the errors of a Person when the person refused.
var ErrRefused = errors.New("refused by the person")

// Question asks the person for a secret: a PIN, a passphrase, words.
type Question struct {
	Title  string // "PIN of YubiKey 12345678"
	Text   string // several lines
	Prompt string // "PIN:"
	Error  string // why the last answer did not help; "" at the first
	Use    *Use   // the request that needs it; nil when there is none
	// Facts shows the facts of Use and what was before: the answer is then the
	// person's consent to it.
	Facts bool
	Why   string // why the person is asked, with Facts
}

// Notice tells the person of something that waits for their hands: a card to be put
// in, a touch. It has no answer, but can be refused.
type Notice struct {
	Title string // "Touch YubiKey 12345678"
	Text  string // several lines
	Use   *Use   // what it is for: its facts and what was before are shown; nil: none
	Why   string // why the person is asked
}
