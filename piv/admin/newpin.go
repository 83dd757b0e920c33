package admin

import (
	"bytes"
	"errors"
	"fmt"

	"github.com/keybroker/keybroker/piv"
)

// What a YubiKey comes with, and every attacker tries first.
const (
	DefaultPIN = "123456"
	DefaultPUK = "12345678"
)

// CheckNewPIN refuses a new PIN that is no protection or that the card would
// refuse: six to eight characters (SP 800-73-4 part 2 section 2.4.3). A
// YubiKey takes any ASCII, other cards digits only.
func CheckNewPIN(pin []byte, digitsOnly bool) error { return checkNew("PIN", pin, digitsOnly) }

// CheckNewPUK is CheckNewPIN for a PUK, which may have letters on any card.
func CheckNewPUK(puk []byte) error { return checkNew("PUK", puk, false) }

func checkNew(what string, secret []byte, digitsOnly bool) error {
	switch {
	case len(secret) < piv.MinPIN || len(secret) > piv.MaxPIN:
		return fmt.Errorf("a %s has %d to %d characters, this one has %d", what, piv.MinPIN, piv.MaxPIN, len(secret))
	case string(secret) == DefaultPIN, string(secret) == DefaultPUK:
		return errors.New("this is the one that every YubiKey comes with")
	case bytes.Count(secret, secret[:1]) == len(secret):
		return errors.New("one character again and again is the first that a thief tries")
	case digitsOnly && !all(secret, '0', '9'):
		return fmt.Errorf("the %s of this card has digits only", what)
	case !all(secret, ' ', '~'):
		return fmt.Errorf("a %s has ASCII characters only: other programs would send others differently", what)
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
