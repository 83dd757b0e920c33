package agent

import (
	"io"

	"github.com/keybroker/keybroker/wire"
)

// TurnAway answers each request of a client by FAILURE until the client hangs up or the
// connection's deadline passes. It is for a program that could not become the broker: a
// client whose connection were closed at once would only see it break, and SIGPIPE
// would kill an ssh-add that is just writing.
func TurnAway(conn io.ReadWriter) {
	var header [4]byte
	for {
		length, err := wire.ReadLength(conn, header[:])
		if err != nil {
			return
		}
		if _, err := wire.SkipPayload(conn, length); err != nil {
			return
		}
		if err := wire.WriteFrame(conn, wire.Failure.Marshal()); err != nil {
			return
		}
	}
}
