package piv

import "errors"

// EventKind is what happened.
type EventKind string

// The events.
const (
	CardIn      EventKind = "card in"      // a PIV card is in and was read
	CardOut     EventKind = "card out"     // it is gone; its Handle is dead
	CardChanged EventKind = "card changed" // its Token is another now
	StateChange EventKind = "state change" // something else in State
)

// Event is a change. Handle is nil with StateChange.
type Event struct {
	Kind   EventKind
	Handle *Handle
}

// Service is how the system's smartcard service does.
type Service string

// The states of the service.
const (
	ServiceStarting Service = "starting"
	ServiceRunning  Service = "running"
	ServiceAbsent   Service = "not running"
	ServiceRefuses  Service = "refuses this user"
	ServiceStuck    Service = "does not answer"
	ServiceNone     Service = "not compiled in"
	ServiceClosed   Service = "closed"
)

// State is what is known now.
type State struct {
	Service Service
	Why     string // the service's own words when it is not running
	Readers []ReaderInfo
}

// CardState is what is in a reader.
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
	Problem string // detail when the state is a failure
	Token   *Token // with ReaderPIV
}

// serviceOf says what an error of the watcher means for the service.
func serviceOf(err error) Service {
	switch {
	case errors.Is(err, ErrNotCompiledIn):
		return ServiceNone
	case errors.Is(err, ErrDenied):
		return ServiceRefuses
	case errors.Is(err, ErrNoAnswer):
		return ServiceStuck
	}
	return ServiceAbsent
}
