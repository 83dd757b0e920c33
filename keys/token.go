package keys

import (
	"context"
	"errors"

	"golang.org/x/crypto/ssh"
)

// Token is a PKCS#11 token that a client asks to load (RFC 9987 section 3.2.6;
// for OpenSSH it is named by the library that talks to it).
type Token struct {
	Provider string // path of the library, as the client gave it
	PIN      []byte // the caller wipes it
	Limits          // of each of its keys

	// Certificates are listed for those keys of the token that they certify.
	Certificates     []ssh.PublicKey
	CertificatesOnly bool // the plain keys are not listed then
}

// TokenSource is a Source that loads tokens.
type TokenSource interface {
	// AddToken returns the keys that were loaded, at least one.
	AddToken(ctx context.Context, token Token) ([]Info, error)
	// RemoveToken forgets the token's keys. ErrNotFound: there is no such token.
	RemoveToken(provider string) error
}

// AddToken gives a token to the first source that loads them.
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
