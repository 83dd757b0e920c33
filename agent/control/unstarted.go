package control

import (
	"encoding/json"
	"fmt"
)

// CannotStart is what a program that could not become the broker, because of err, answers
// to a client that waits at its control socket.
func CannotStart(err error) []byte {
	body, _ := json.Marshal(failureOf(err))
	return fmt.Appendf(nil, "HTTP/1.1 503 Service Unavailable\r\nConnection: close\r\nContent-Length: %d\r\n\r\n%s", len(body), body)
}

// unstarted is the error of a client that got CannotStart. It counts as ErrNotRunning.
type unstarted struct{ cause error }

func (u unstarted) Error() string { return "the broker could not start: " + u.cause.Error() }

func (u unstarted) Unwrap() []error { return []error{ErrNotRunning, u.cause} }
