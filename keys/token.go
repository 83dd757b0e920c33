package keys

import (
	"context"
	"errors"

	"golang.org/x/crypto/ssh"
)

// Token is a PKCS#11 token that a client asks to load (RFC 9987 section 5.2.6).
// OpenSSH names it by its library.
type Token struct {
	Provider string // path of the library, as the client wrote it
	PIN      []byte // the caller wipes it
	Limits          // for each of its keys

	// Certificates are listed if they certify a key of the token.
	Certificates     []ssh.PublicKey
	CertificatesOnly bool // do not list the plain keys
}

// TokenSource is a Source that loads tokens.
type TokenSource interface {
	// AddToken returns the loaded keys, at least one.
	AddToken(ctx context.Context, token Token) ([]Info, error)
	// RemoveToken forgets the token's keys, or returns ErrNotFound.
	RemoveToken(provider string) error
}

// AddToken loads a token into the first source that loads tokens.
func (r *Ring) AddToken(ctx context.Context, token Token) ([]Info, error) {
	source, err := r.tokens()
	if err != nil {
		return nil, err
	}
	return source.AddToken(ctx, token)
}

// RemoveToken forgets a token's keys.
func (r *Ring) RemoveToken(provider string) error {
	source, err := r.tokens()
	if err != nil {
		return err
	}
	return source.RemoveToken(provider)
}

func (r *Ring) tokens() (TokenSource, error) {
	for _, source := range r.sources {
		if tokens, ok := source.(TokenSource); ok {
			return tokens, nil
		}
	}
	return nil, errors.New("no source loads tokens")
}
