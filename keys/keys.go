// Package keys is the vocabulary that every part of the broker shares: what a
// key is (Info), where keys come from (Source, Ring) and what somebody wants to
// do with one (Use).
package keys

import (
	"context"
	"errors"
	"time"

	"github.com/keybroker/keybroker/keys/privatekey"
	"github.com/keybroker/keybroker/keys/publickey"
	"golang.org/x/crypto/ssh"
)

// ErrNotFound is returned by a Source that does not hold the asked-for key.
var ErrNotFound = errors.New("no such key")

// Info describes one key that a Source can sign with. It holds no secret.
type Info struct {
	PublicKey   ssh.PublicKey // see publickey.CertificateOf
	Blob        []byte        // PublicKey.Marshal(), kept because every lookup compares it
	Fingerprint string        // "SHA256:…" of the key (for a certificate: of the certified key)
	Comment     string        // as ssh-add -l prints it
	Name        string        // keybroker's name for a key that lasts, "" for an added one
	Source      string        // Source.Name() of where it comes from
	Confirm     bool          // added with the confirm constraint: always ask (RFC 9987 section 5.2)
	Expires     time.Time     // end of the lifetime constraint; zero: none
	State       string        // "" when it can sign now, else a few words: "sealed", "damaged: …"

	Destinations []DestinationConstraint // where it may be used; empty: everywhere
}

// NewInfo fills the fields that follow from the public key.
func NewInfo(pub ssh.PublicKey, comment string) Info {
	return Info{PublicKey: pub, Blob: pub.Marshal(), Fingerprint: ssh.FingerprintSHA256(publickey.Certified(pub)), Comment: comment}
}

// Source is a place that keys live in: sealed files, the keys added for a
// while, cards. Its methods are called from many goroutines at once.
type Source interface {
	// Name is a short constant word for logs: "softkeys", "added".
	Name() string
	// List returns the keys in a stable order. It must not wait for a
	// person or for a device: a key that needs one is listed with its State.
	List() []Info
	// Find returns the key whose Blob equals blob.
	Find(blob []byte) (Info, bool)
	// Sign signs data. algorithm is a name of RFC 8332 or the key's own type
	// ("ssh-ed25519", "rsa-sha2-512"). It may wait for a person or a device
	// until ctx ends. It returns ErrNotFound for a key it does not hold. The
	// caller verifies the signature before it leaves, whatever source made it.
	Sign(ctx context.Context, use *Use, data []byte, algorithm string) (*ssh.Signature, error)
}

// Lender is a Source that holds private keys in this process. The agent signs
// with a lent key itself, and only such a signature is not verified: no source
// can say of a signature that it needs no verification.
type Lender interface {
	// Lend returns the private key of use, which fits its public key. It may wait
	// as Sign does. It returns nil for a key that only Sign can sign with.
	Lend(ctx context.Context, use *Use) (*privatekey.Key, error)
}

// Added is a private key that a client handed over (RFC 9987 section 3.2).
type Added struct {
	PrivateKey  any           // as golang.org/x/crypto/ssh/agent.AddedKey holds it
	Certificate ssh.PublicKey // nil when there is none; see publickey.CertificateOf
	Comment     string
	Limits
}

// Public is the key under which an added one is listed.
func (a Added) Public() (ssh.PublicKey, error) {
	if a.Certificate != nil {
		return a.Certificate, nil
	}
	if signer, ok := a.PrivateKey.(ssh.Signer); ok {
		return signer.PublicKey(), nil
	}
	signer, err := ssh.NewSignerFromKey(a.PrivateKey)
	if err != nil {
		return nil, err
	}
	return signer.PublicKey(), nil
}

// Adder is a Source that takes keys from clients.
type Adder interface {
	Add(key Added) (Info, error)
}

// Remover is a Source whose keys a client can take off the list.
type Remover interface {
	// Remove returns ErrNotFound for a key it does not hold.
	Remove(blob []byte) error
	RemoveAll()
}

// Forgetter is a Source that holds opened secrets and can drop them, so that
// the next use opens them again.
type Forgetter interface {
	Forget()
}

// ErrNotAsked is returned by Asker.SignAsking when it had nothing to ask the
// person for. Nothing was signed.
var ErrNotAsked = errors.New("the person was not asked")

// Asker is a Source that has to ask the person for some signatures anyway: for
// the PIN of a card, for a touch. That question shows all the facts, so that
// nobody is asked twice.
type Asker interface {
	// SignAsking is Sign for a use that nobody has allowed yet: the person
	// consents by giving the PIN or by touching the device, and consent says
	// in which way ("allowed by the person: PIN of …"). why is the reason to ask, for the
	// prompt. It returns ErrNotAsked when neither is needed, as with a PIN that was given before: then
	// the caller asks, and calls Sign.
	SignAsking(ctx context.Context, use *Use, why string, data []byte, algorithm string) (signature *ssh.Signature, consent string, err error)
}

// Rechecker is a Source whose keys others can replace while it serves them.
type Rechecker interface {
	// Recheck is called when a signature does not verify with the key of use. The error
	// says why, and on its second line what to do; nil: the key has not been replaced.
	Recheck(ctx context.Context, use *Use) error
}

// Arranger is a Source that puts its keys in their place in the list of all.
type Arranger interface {
	// Arrange returns the list in another order, or with less in it.
	Arrange(list []Info) []Info
}

// PINTaker is a Source that a PIN can be given to beforehand.
type PINTaker interface {
	// GivePIN returns why the PIN was not taken.
	GivePIN(ctx context.Context, pin []byte) error
}
