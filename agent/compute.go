package agent

import (
	"context"
	"crypto/rand"

	"github.com/keybroker/keybroker/keys"
	"github.com/keybroker/keybroker/keys/privatekey"
	"github.com/keybroker/keybroker/keys/publickey"
	"golang.org/x/crypto/ssh"
)

// toSign is the signature that a client asks for.
type toSign struct {
	use       *keys.Use
	data      []byte
	algorithm string
}

// compute makes the signature. With a key that the source lends, Go's own crypto
// makes it here. Any other signature was computed elsewhere, by the source, and
// is verified: a source cannot say that one needs no verification (decision 0048).
func compute(ctx context.Context, source keys.Source, wanted toSign) (*ssh.Signature, error) {
	if lender, ok := source.(keys.Lender); ok {
		key, err := lender.Lend(ctx, wanted.use)
		if err != nil {
			return nil, err
		}
		if key != nil {
			return computeHere(key, wanted)
		}
	}
	signature, err := source.Sign(ctx, wanted.use, wanted.data, wanted.algorithm)
	if err != nil {
		return nil, err
	}
	return verified(ctx, source, wanted, signature)
}

func computeHere(key *privatekey.Key, wanted toSign) (*ssh.Signature, error) {
	if !key.Fits(publickey.Certified(wanted.use.Key.PublicKey)) {
		return nil, refusal{reason: "the private key does not fit the public key", remedy: "the key is damaged: do not use it"}
	}
	return key.SignWithAlgorithm(rand.Reader, wanted.data, wanted.algorithm)
}

// signAsking has a source that must ask the person anyway ask for the consent
// too, and sign. Whatever the source does, it returns no signature without a
// consent. It returns keys.ErrNotAsked where the source asks for nothing.
func signAsking(ctx context.Context, source keys.Source, why string, wanted toSign) (*ssh.Signature, string, error) {
	asker, ok := source.(keys.Asker)
	if !ok {
		return nil, "", keys.ErrNotAsked
	}
	signature, consent, err := asker.SignAsking(ctx, wanted.use, why, wanted.data, wanted.algorithm)
	if err != nil {
		return nil, "", err
	}
	if consent == "" {
		return nil, "", refusal{reason: "the key's source signed without the person's consent", remedy: "please report this: it is a fault of keybroker"}
	}
	signature, err = verified(ctx, source, wanted, signature)
	return signature, consent, err
}
