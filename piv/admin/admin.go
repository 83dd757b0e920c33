// Package admin does to a YubiKey what the PIV standard has no command for:
// keys with a PIN and touch policy, the number of tries, reset, and the check of an attestation. It is the only place that uses
// github.com/go-piv/piv-go.
//
// piv-go holds the card exclusively and never lets it go after some errors, so
// each operation is a process of its own: Helper starts this program again, and
// Serve is what that process does. It opens the card once, does one thing and
// ends. Secrets go through a pipe, never through arguments or the environment.
package admin

import (
	"errors"
	"fmt"

	"github.com/keybroker/keybroker/piv"
)

// Op is one operation.
type Op string

// The operations, with the fields of the Request that they use.
const (
	OpGenerate   Op = "generate"    // Slot, Algorithm, PIN, Touch, ManagementKey
	OpSetRetries Op = "set retries" // PINTries, PUKTries, ManagementKey, PIN
	OpReset      Op = "reset"
)

// Request is one operation on the card in a reader.
type Request struct {
	Op     Op
	Reader string
	Serial uint32 // the card must have this serial number; 0: any

	Slot        piv.Slot `json:",omitempty"`
	Algorithm   piv.Algorithm
	PINPolicy   piv.PINPolicy
	TouchPolicy piv.TouchPolicy
	PINTries    int // 1 to 255
	PUKTries    int

	Secrets `json:"-"` // they follow the rest, see writeRequest
}

// Secrets are what a request needs and nobody else may see.
type Secrets struct{ ManagementKey, PIN []byte }

func (s *Secrets) each() []*[]byte { return []*[]byte{&s.ManagementKey, &s.PIN} }

// Answer is what an operation gave.
type Answer struct {
	PublicKey []byte // PKIX, after OpGenerate

	Problem problem    // "" when it went well
	Text    string     // of the error
	Tries   int        // with problemPIN
	Status  piv.Status `json:",omitempty"` // with problemRefused
}

// problem is what a caller tells apart, across the pipe.
type problem string

const (
	problemBusy       problem = "busy"       // nothing was sent to the card
	problemOtherCard  problem = "other card" // nothing was changed
	problemNoCard     problem = "no card"
	problemPIN        problem = "pin"
	problemRefused    problem = "refused"
	problemManagement problem = "management key"
	problemNoSupport  problem = "no support"
	problemOtherwise  problem = "otherwise"
	problemNotYubiKey problem = "not a YubiKey"
)

// ErrNotYubiKey means that the card has none of Yubico's commands.
var ErrNotYubiKey = errors.New("not a YubiKey")

// err is the error that the answer stands for.
func (a Answer) err() error {
	switch a.Problem {
	case "":
		return nil
	case problemBusy:
		return piv.ErrBusy
	case problemOtherCard:
		return piv.ErrOtherCard
	case problemNoCard:
		return fmt.Errorf("%w (%s)", piv.ErrRemoved, a.Text)
	case problemPIN:
		return &piv.PINError{Reference: piv.PINApplication, Tries: a.Tries}
	case problemManagement:
		return piv.ErrManagementKey
	case problemRefused:
		return a.Status
	case problemNoSupport:
		return piv.ErrNotCompiledIn
	case problemNotYubiKey:
		return ErrNotYubiKey
	}
	return errors.New(a.Text)
}

// failed is the answer for an error.
func failed(p problem, err error) Answer { return Answer{Problem: p, Text: err.Error()} }
