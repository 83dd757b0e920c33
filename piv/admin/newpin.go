package admin

import (
	"bytes"
	"errors"
	"fmt"

	"github.com/keybroker/keybroker/piv"
)

// The factory PIN and PUK of every YubiKey. Attackers try them first.
const (
	DefaultPIN = "123456"
	DefaultPUK = "12345678"
)

// CheckNewPIN refuses a new PIN that is easy to guess or that the card would
// refuse. A PIN has six to eight characters (SP 800-73-4 part 2 section 2.4.3): any
// ASCII on a YubiKey, only digits on other cards.
func CheckNewPIN(pin []byte, digitsOnly bool) error { return checkNew("PIN", pin, digitsOnly) }

// CheckNewPUK is CheckNewPIN for a PUK, which may have letters on any card.
func CheckNewPUK(puk []byte) error { return checkNew("PUK", puk, false) }

func checkNew(what string, secret []byte, digitsOnly bool) error {
	switch {
	case len(secret) < piv.MinPIN || len(secret) > piv.MaxPIN:
		return fmt.Errorf("a %s has %d to %d characters, but this one has %d", what, piv.MinPIN, piv.MaxPIN, len(secret))
	case string(secret) == DefaultPIN, string(secret) == DefaultPUK:
		return errors.New("this is the one that every YubiKey comes with")
	case bytes.Count(secret, secret[:1]) == len(secret):
		return errors.New("a thief tries a single repeated character first")
	case digitsOnly && !all(secret, '0', '9'):
		return fmt.Errorf("the %s of this card may have only digits", what)
	case !all(secret, ' ', '~'):
		return fmt.Errorf("a %s may have only ASCII characters: other programs encode others differently", what)
	}
	return nil
}

func all(text []byte, low, high byte) bool {
	for _, c := range text {
		if c < low || c > high {
			return false
		}
	}
	return true
}
