package piv

import "errors"

// remedies says what a person can do about each error of this package. Status words
// have theirs in statusWords, and PINs in PINError.remedy.
var remedies = []struct {
	err    error
	remedy string
}{
	{ErrBusy, `end the program that holds it and try again; for gpg: gpgconf --kill scdaemon, and "disable-ccid" in scdaemon.conf`},
	{ErrRemoved, "put the card in and try again: a card command goes on from where it was"},
	{ErrReset, "try again"},
	{ErrOtherCard, "put the right card in and try again; a card command takes --card"},
	{ErrNoAnswer, "take the card out, put it in again and try again; if that does not help: systemctl restart pcscd"},
	{ErrNoService, "start it: systemctl start pcscd.socket (package pcscd)"},
	{ErrDenied, "see its polkit rules (org.debian.pcsc-lite.access_pcsc) and the permissions of pcscd's socket"},
	{ErrNotCompiledIn, "build it with cgo and libpcsclite-dev: CGO_ENABLED=1 go build ./cmd/keybroker"},
}

// Remedy says what a person can do about an error that a card or the way to it
// gave; "" for any other. It is the only place that does.
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
	return "nothing was changed, and nothing is tried again by itself"
}
