package conformance

import (
	"context"
	"net"
)

// Agent is an agent that is tried.
type Agent interface {
	Dial(context.Context) (net.Conn, error)
	// Disposable reports whether Fresh works. The agent of a person is not.
	Disposable() bool
	// Fresh makes the agent new again, with no key and unlocked.
	Fresh(context.Context) error
	// Confirm says what is answered to a question, or returns false if nobody can.
	Confirm(yes bool) bool
}
