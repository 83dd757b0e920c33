package keys

import (
	"context"
	"errors"
)

// Person is how a source asks the person. All sources use this one interface, so that
// their questions look alike and a refusal means the same.
type Person interface {
	// Secret returns what the person typed; the caller wipes it. The error wraps
	// ErrRefused if the person refused; otherwise it says why nobody was asked.
	Secret(ctx context.Context, q Question) ([]byte, error)
	// Notify shows n until ctx ends, and then returns nil. The error wraps ErrRefused
	// if the person refused; otherwise it says why n could not be shown.
	Notify(ctx context.Context, n Notice) error
}

// ErrRefused is wrapped by a Person's errors when the person refused.
var ErrRefused = errors.New("refused by the person")

// Question asks the person for a secret: a PIN, a passphrase, recovery words.
type Question struct {
	Title  string // "PIN of YubiKey 12345678"
	Text   string // several lines
	Prompt string // "PIN:"
	Error  string // why the last answer was wrong; "" the first time
	Use    *Use   // the request that needs the secret; nil: none
	// Facts shows the facts of Use and earlier uses. The answer is then the person's
	// consent to Use.
	Facts bool
	Why   string // with Facts: why the person is asked
}

// Notice asks the person to do something: insert a card, touch a device. It has no
// answer, but can be refused.
type Notice struct {
	Title string // "Touch YubiKey 12345678"
	Text  string // several lines
	Use   *Use   // the request, shown with its facts and earlier uses; nil: none
	Why   string // why the person is asked
}
