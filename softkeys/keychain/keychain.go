// Package keychain keeps one small secret with the operating system: the
// Secret Service on Linux, the Keychain on macOS, DPAPI on Windows.
package keychain

import (
	"context"
	"errors"
)

// The states a keychain can be in, besides working. Every error of a Keychain
// that is not a bug or a broken connection wraps one of them.
var (
	ErrAbsent    = errors.New("no keychain answers here")
	ErrLocked    = errors.New("the keychain is locked")
	ErrNotFound  = errors.New("the keychain does not hold this secret")
	ErrDismissed = errors.New("the request to unlock the keychain was dismissed")
)

// Attributes name one secret. They are stored in clear.
type Attributes map[string]string

// Keychain is the seam to the operating system. All methods return when ctx
// ends, and all but Available may ask the person to unlock the keychain.
type Keychain interface {
	// Name is a word for status and the log: "secret-service".
	Name() string
	// Available returns nil when a secret can be stored now, ErrLocked when
	// it could after unlocking, and ErrAbsent when there is no keychain.
	Available(ctx context.Context) error
	// Load returns the secret; the caller wipes it. ErrNotFound means that
	// the keychain is open and has no such secret.
	Load(ctx context.Context, attributes Attributes) ([]byte, error)
	// Store keeps the secret, in place of an older one with these attributes.
	Store(ctx context.Context, attributes Attributes, secret []byte) error
	// Delete returns ErrNotFound when there was nothing to delete.
	Delete(ctx context.Context, attributes Attributes) error
}
