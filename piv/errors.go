package piv

import "errors"

// Errors between a program and a card. They are wrapped with details.
var (
	ErrRemoved       = errors.New("the card was removed")
	ErrReset         = errors.New("another program reset the card")
	ErrBusy          = errors.New("another program uses the card exclusively")
	ErrNoAnswer      = errors.New("the card or the smartcard service does not answer")
	ErrNoService     = errors.New("the smartcard service does not run")
	ErrDenied        = errors.New("the smartcard service refuses this user")
	ErrNoLibrary     = errors.New("the smartcard library is not installed")
	ErrNotCompiledIn = errors.New("this program was built without smartcard support")
	ErrOtherCard     = errors.New("another card is in the reader now")
	ErrClosed        = errors.New("the card readers are closed")
	ErrBadResponse   = errors.New("the card sent an invalid response")
)

// TransmitError means that a command or its response was lost. The card may have
// carried it out.
type TransmitError struct{ Err error }

func (e *TransmitError) Error() string { return e.Err.Error() }
func (e *TransmitError) Unwrap() error { return e.Err }

// gone reports whether the card cannot be reached. Any other transmit error may come
// from a reader that does not support extended APDUs.
func gone(err error) bool {
	return errors.Is(err, ErrRemoved) || errors.Is(err, ErrReset) || errors.Is(err, ErrNoService) ||
		errors.Is(err, ErrNoAnswer) || errors.Is(err, ErrBusy) || errors.Is(err, ErrClosed) || errors.Is(err, ErrOtherCard)
}

// fatal reports whether err is an error of the connection to the card, not of its data.
func fatal(err error) bool {
	var broken *TransmitError
	return errors.As(err, &broken)
}

func fatalOnly(err error) error {
	if fatal(err) {
		return err
	}
	return nil
}
