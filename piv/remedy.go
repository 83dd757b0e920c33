package piv

import (
	"errors"

	"github.com/keybroker/keybroker/platform"
)

// remedies holds the remedy for each error of this package. The remedies for status
// words are in statusWords, those for PINs in PINError.remedy.
var remedies = []struct {
	err    error
	remedy string
}{
	{ErrBusy, `end the program that holds it and try again; for gpg: gpgconf --kill scdaemon, and "disable-ccid" in scdaemon.conf`},
	{ErrRemoved, "insert the card and try again: a card command continues where it stopped"},
	{ErrReset, "try again"},
	{ErrOtherCard, "insert the right card and try again; card commands accept --card"},
	{ErrNoAnswer, "remove the card, insert it again and try again; if that does not help: " + platform.RestartSmartcards},
	{ErrNoService, "start it: " + platform.StartSmartcards},
	{ErrDenied, platform.AllowSmartcards},
	{ErrNoLibrary, "install it and the service: " + platform.InstallSmartcards},
	{ErrNotCompiledIn, "build it without the tag nopcsc, for a processor that README names: go build ./cmd/keybroker"},
}

// Remedy returns the remedy for an error of a card or the connection to it; "" for
// any other error. It is the only place that does.
func Remedy(err error) string {
	var pin *PINError
	if errors.As(err, &pin) {
		return pin.remedy()
	}
	for _, known := range remedies {
		if errors.Is(err, known.err) {
			return known.remedy
		}
	}
	var refused Status
	if errors.As(err, &refused) {
		return refused.remedy()
	}
	return ""
}

func (e *PINError) remedy() string {
	switch {
	case e.Blocked() && e.Reference == PUK:
		return "a YubiKey whose PIN and PUK are blocked can only be reset: keybroker card reset; for another card ask its issuer"
	case e.Blocked():
		return statusWords[StatusBlocked].remedy
	}
	return "nothing was changed, and nothing is retried automatically"
}
