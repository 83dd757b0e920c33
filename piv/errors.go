package piv

import "errors"

// What can go wrong between a program and a card. They are wrapped with detail.
var (
	ErrRemoved       = errors.New("the card was removed")
	ErrReset         = errors.New("another program reset the card")
	ErrBusy          = errors.New("another program uses the card exclusively")
	ErrNoAnswer      = errors.New("the card or the smartcard service does not answer")
	ErrNoService     = errors.New("the smartcard service does not run")
	ErrDenied        = errors.New("the smartcard service refuses this user")
	ErrNotCompiledIn = errors.New("this program was built without smartcard support")
	ErrOtherCard     = errors.New("another card is in the reader now")
	ErrClosed        = errors.New("cards are closed down")
	ErrBadResponse   = errors.New("the card sent a response that makes no sense")
)

// TransmitError is a command that did not reach the card, or whose response
// did not come back: whether the card carried it out is not known.
type TransmitError struct{ Err error }

func (e *TransmitError) Error() string { return e.Err.Error() }
func (e *TransmitError) Unwrap() error { return e.Err }

// gone tells errors of a card that can not be had from those of a reader that takes
// no long command.
func gone(err error) bool {
	return errors.Is(err, ErrRemoved) || errors.Is(err, ErrReset) || errors.Is(err, ErrNoService) ||
		errors.Is(err, ErrNoAnswer) || errors.Is(err, ErrBusy) || errors.Is(err, ErrClosed) || errors.Is(err, ErrOtherCard)
}

// fatal tells errors of the way to the card from odd data on it.
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
