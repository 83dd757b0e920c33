// Package keys is the vocabulary that all parts of the broker share: what a key is
// (Info), where keys come from (Source, Ring) and what a client wants to do with one
// (Use).
package keys

import (
	"context"
	"errors"
	"time"

	"github.com/keybroker/keybroker/keys/privatekey"
	"github.com/keybroker/keybroker/keys/publickey"
	"github.com/keybroker/keybroker/platform/secret"
	"golang.org/x/crypto/ssh"
)

// ErrNotFound is returned by a Source that does not hold the requested key.
var ErrNotFound = errors.New("no such key")

// Info describes one key that a Source can sign with. It holds no secret.
type Info struct {
	PublicKey   ssh.PublicKey // see publickey.CertificateOf
	Blob        []byte        // PublicKey.Marshal(); every lookup compares it
	Fingerprint string        // "SHA256:…" of the key (for a certificate: of the certified key)
	Comment     string        // as ssh-add -l prints it
	Name        string        // keybroker's name for a permanent key; "" for an added one
	Source      string        // Source.Name() of its source
	Confirm     bool          // added with the confirm constraint: always ask (RFC 9987 section 5.2)
	Expires     time.Time     // end of the lifetime constraint; zero: none
	State       string        // "": it can sign now; else a few words: "sealed", "damaged: …"

	Destinations []DestinationConstraint // where it may be used; empty: everywhere
}

// NewInfo fills in the fields that the public key determines.
func NewInfo(pub ssh.PublicKey, comment string) Info {
	return Info{PublicKey: pub, Blob: pub.Marshal(), Fingerprint: ssh.FingerprintSHA256(publickey.Certified(pub)), Comment: comment}
}

// Source is where keys come from: sealed files, added keys, cards. Its methods may be
// called concurrently.
type Source interface {
	// Name returns a short constant word for logs: "softkeys", "added".
	Name() string
	// List returns the keys in a stable order. It must not wait for a person or a
	// device: State says that a key needs one.
	List() []Info
	// Find returns the key whose Blob equals blob.
	Find(blob []byte) (Info, bool)
	// Sign signs data. algorithm is a name of RFC 8332 or the key's own type
	// ("ssh-ed25519", "rsa-sha2-512"). It may wait for a person or a device
	// until ctx ends. It returns ErrNotFound for a key that it does not hold. The
	// caller verifies the signature, whatever the source.
	Sign(ctx context.Context, use *Use, data []byte, algorithm string) (*ssh.Signature, error)
}

// Lender is a Source that holds private keys in this process. The agent signs with a
// lent key itself, and only such signatures are not verified. A source cannot exempt
// its signatures from verification.
type Lender interface {
	// Lend returns the private key for use, which must fit the public key. It may
	// wait as Sign does. It returns nil for a key that only Sign can use.
	Lend(ctx context.Context, use *Use) (*privatekey.Key, error)
}

// Added is a private key that a client adds (RFC 9987 section 5.2).
type Added struct {
	PrivateKey  any           // as golang.org/x/crypto/ssh/agent.AddedKey holds it
	Certificate ssh.PublicKey // nil when there is none; see publickey.CertificateOf
	Comment     string
	Limits
}

// Public returns the public key or certificate under which the key is listed.
func (a Added) Public() (ssh.PublicKey, error) {
	if a.Certificate != nil {
		return a.Certificate, nil
	}
	if signer, ok := a.PrivateKey.(ssh.Signer); ok {
		return signer.PublicKey(), nil
	}
	signer, err := secret.Get(func() (ssh.Signer, error) { return ssh.NewSignerFromKey(a.PrivateKey) })
	if err != nil {
		return nil, err
	}
	return signer.PublicKey(), nil
}

// Adder is a Source that takes keys from clients.
type Adder interface {
	Add(key Added) (Info, error)
}

// Remover is a Source whose keys a client can remove from the list.
type Remover interface {
	// Remove returns ErrNotFound for a key that it does not hold.
	Remove(blob []byte) error
	RemoveAll()
}

// Forgetter is a Source that can drop its opened secrets. The next use opens them
// again.
type Forgetter interface {
	Forget()
}

// ErrNotAsked is returned by Asker.SignAsking when the person had no PIN to give and
// nothing to touch. Nothing was signed.
var ErrNotAsked = errors.New("the person was not asked")

// Asker is a Source that must ask the person for some signatures anyway, for a PIN or
// a touch. That question shows all the facts, so that one question is enough.
type Asker interface {
	// SignAsking is Sign for a use that is not yet allowed. The person consents by
	// giving the PIN or touching the device; consent says how ("allowed by the
	// person: PIN of …"). why is the reason for the question, which the prompt
	// shows. If neither is needed, because the PIN was given before, it returns
	// ErrNotAsked; then the caller asks and calls Sign.
	SignAsking(ctx context.Context, use *Use, why string, data []byte, algorithm string) (signature *ssh.Signature, consent string, err error)
}

// Rechecker is a Source whose keys other programs can replace.
type Rechecker interface {
	// Recheck is called when a signature does not verify with the key of use. The
	// error, with a remedy, says that the key was replaced; nil: it was not.
	Recheck(ctx context.Context, use *Use) error
}

// Arranger is a Source that reorders the list of all sources' keys.
type Arranger interface {
	// Arrange returns the list in another order, or without some of its keys.
	Arrange(list []Info) []Info
}

// PINTaker is a Source that takes a PIN before it is needed.
type PINTaker interface {
	// GivePIN returns why the PIN was not taken.
	GivePIN(ctx context.Context, pin []byte) error
}
