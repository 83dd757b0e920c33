// Package keychain keeps one small secret with the operating system: the
// Secret Service on Linux, the Keychain on macOS, DPAPI on Windows.
package keychain

import (
	"context"
	"errors"
)

// Why a keychain cannot serve. Every error of a Keychain that is not a bug or a
// broken connection wraps one of them.
var (
	ErrAbsent    = errors.New("no keychain is available")
	ErrLocked    = errors.New("the keychain is locked")
	ErrNotFound  = errors.New("the keychain does not hold this secret")
	ErrDismissed = errors.New("the request to unlock the keychain was dismissed")
)

// Attributes name one secret. They are stored unencrypted.
type Attributes map[string]string

// Keychain is the seam to the operating system. All methods return when ctx
// ends, and all but Available may ask the person to unlock the keychain.
type Keychain interface {
	// Name is shown in the status and the log: "secret-service".
	Name() string
	// Available returns nil if a secret can be stored now, ErrLocked if the
	// keychain must be unlocked first, and ErrAbsent if there is none.
	Available(ctx context.Context) error
	// Load returns the secret; the caller wipes it. ErrNotFound means that
	// the keychain is open and has no such secret.
	Load(ctx context.Context, attributes Attributes) ([]byte, error)
	// Store stores the secret and replaces an older one with these attributes.
	Store(ctx context.Context, attributes Attributes, secret []byte) error
	// Delete returns ErrNotFound when there was nothing to delete.
	Delete(ctx context.Context, attributes Attributes) error
}
