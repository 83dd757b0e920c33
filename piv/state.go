package piv

import "errors"

// EventKind is the kind of an Event.
type EventKind string

// The events.
const (
	CardIn      EventKind = "card in"      // a PIV card is in and was read
	CardOut     EventKind = "card out"     // the card is gone; its Handle is unusable
	CardChanged EventKind = "card changed" // its Token changed
	StateChange EventKind = "state change" // something else in State
)

// Event is a change. Handle is nil for StateChange.
type Event struct {
	Kind   EventKind
	Handle *Handle
}

// Service is the state of the system's smartcard service.
type Service string

// The states of the service.
const (
	ServiceStarting Service = "starting"
	ServiceRunning  Service = "running"
	ServiceAbsent   Service = "not running"
	ServiceRefuses  Service = "refuses this user"
	ServiceStuck    Service = "does not answer"
	ServiceMissing  Service = "not installed"
	ServiceNone     Service = "not compiled in"
	ServiceClosed   Service = "closed"
)

// State is the state of the service and the readers.
type State struct {
	Service Service
	Why     string // the service's own message if it is not running
	Readers []ReaderInfo
}

// CardState is the state of a reader and its card.
type CardState string

// The states of a reader.
const (
	ReaderEmpty   CardState = "empty"
	ReaderReading CardState = "reading the card"
	ReaderPIV     CardState = "PIV card"
	ReaderOldCAC  CardState = "old CAC without PIV"
	ReaderOther   CardState = "not a PIV card"
	ReaderBusy    CardState = "used exclusively by another program"
	ReaderMute    CardState = "the card does not answer"
	ReaderFailing CardState = "the card cannot be read"
)

// ReaderInfo is one reader.
type ReaderInfo struct {
	Reader  string
	State   CardState
	Problem string // details of a failure
	Token   *Token // with ReaderPIV
}

// serviceOf returns the state of the service after an error of the watcher.
func serviceOf(err error) Service {
	switch {
	case errors.Is(err, ErrNotCompiledIn):
		return ServiceNone
	case errors.Is(err, ErrNoLibrary):
		return ServiceMissing
	case errors.Is(err, ErrDenied):
		return ServiceRefuses
	case errors.Is(err, ErrNoAnswer):
		return ServiceStuck
	}
	return ServiceAbsent
}
