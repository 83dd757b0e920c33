package pcsc

import (
	"errors"
	"fmt"
)

// ErrLibrary means that the system's PC/SC library cannot be opened.
var ErrLibrary = errors.New("the PC/SC library cannot be opened")

// Error is a return code of PC/SC (winscard.h).
type Error uint32

// The codes that callers tell apart.
const (
	ErrInternal          Error = 0x80100001
	ErrCancelled         Error = 0x80100002
	ErrInvalidHandle     Error = 0x80100003
	ErrInvalidParameter  Error = 0x80100004
	ErrUnknownReader     Error = 0x80100009
	ErrTimeout           Error = 0x8010000A
	ErrSharingViolation  Error = 0x8010000B
	ErrNoSmartcard       Error = 0x8010000C
	ErrProtocolMismatch  Error = 0x8010000F
	ErrNotTransacted     Error = 0x80100016
	ErrReaderUnavailable Error = 0x80100017
	ErrShutdown          Error = 0x80100018
	ErrNoService         Error = 0x8010001D
	ErrServiceStopped    Error = 0x8010001E
	ErrNoReaders         Error = 0x8010002E
	ErrCommunication     Error = 0x8010002F
	ErrUnresponsive      Error = 0x80100066
	ErrUnpowered         Error = 0x80100067
	ErrReset             Error = 0x80100068
	ErrRemoved           Error = 0x80100069
	ErrSecurityViolation Error = 0x8010006A
	ErrNoAccess          Error = 0x80100027
)

var texts = map[Error]string{
	ErrInternal:          "internal error",
	ErrCancelled:         "cancelled",
	ErrInvalidHandle:     "invalid handle",
	ErrInvalidParameter:  "invalid parameter",
	ErrUnknownReader:     "unknown reader",
	ErrTimeout:           "timeout",
	ErrSharingViolation:  "sharing violation",
	ErrNoSmartcard:       "no smartcard",
	ErrProtocolMismatch:  "protocol mismatch",
	ErrNotTransacted:     "the transaction failed",
	ErrReaderUnavailable: "the reader is unavailable",
	ErrShutdown:          "the service is shutting down",
	ErrNoService:         "the service does not run",
	ErrServiceStopped:    "the service stopped",
	ErrNoReaders:         "no reader",
	ErrCommunication:     "no communication with the service",
	ErrUnresponsive:      "the card does not answer a reset",
	ErrUnpowered:         "the card has no power",
	ErrReset:             "the card was reset",
	ErrRemoved:           "the card was removed",
	ErrSecurityViolation: "security violation",
	ErrNoAccess:          "access denied",
}

func (e Error) Error() string {
	if text := texts[e]; text != "" {
		return "PC/SC: " + text
	}
	return fmt.Sprintf("PC/SC: error %08X", uint32(e))
}

// asError returns nil for SCARD_S_SUCCESS.
func asError(code uint32) error {
	if code == 0 {
		return nil
	}
	return Error(code)
}
