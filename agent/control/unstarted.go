package control

import (
	"encoding/json"
	"fmt"
	"io"
)

// TurnAway answers a client at the control socket for a program that could not become the
// broker, because of err.
func TurnAway(conn io.ReadWriter, err error) {
	body, _ := json.Marshal(failureOf(err))
	if _, err := conn.Read(make([]byte, 4<<10)); err == nil { // its request
		fmt.Fprintf(conn, "HTTP/1.1 503 Service Unavailable\r\nConnection: close\r\nContent-Length: %d\r\n\r\n%s", len(body), body)
	}
}

// unstarted is the error of a client that was turned away. It counts as ErrNotRunning.
type unstarted struct{ cause error }

func (u unstarted) Error() string { return "the broker could not start: " + u.cause.Error() }

func (u unstarted) Unwrap() []error { return []error{ErrNotRunning, u.cause} }
