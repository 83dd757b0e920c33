// Package admin runs the YubiKey operations that the PIV standard lacks: making
// keys with a PIN and touch policy, setting the number of tries, reset, and
// verifying attestations. Only this package uses github.com/go-piv/piv-go.
//
// piv-go holds the card exclusively, and keeps it after some errors. So each
// operation runs in a separate process: Helper starts this program again, and that
// process calls Serve. It opens the card once, does one operation and ends.
// Secrets go through a pipe, never through arguments or the environment.
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

	Secrets `json:"-"` // sent after the JSON, see writeRequest
}

// Secrets are a request's secrets. They never become JSON.
type Secrets struct{ ManagementKey, PIN []byte }

func (s *Secrets) each() []*[]byte { return []*[]byte{&s.ManagementKey, &s.PIN} }

// Answer is the result of an operation.
type Answer struct {
	PublicKey []byte // PKIX, after OpGenerate

	Problem problem    // "" on success
	Text    string     // of the error
	Tries   int        // with problemPIN
	Status  piv.Status `json:",omitempty"` // with problemRefused
}

// problem is the kind of an error, as it crosses the pipe.
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

// ErrNotYubiKey means that the card lacks Yubico's commands.
var ErrNotYubiKey = errors.New("not a YubiKey")

// err returns the error that the answer stands for.
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

// failed returns the answer for an error.
func failed(p problem, err error) Answer { return Answer{Problem: p, Text: err.Error()} }
