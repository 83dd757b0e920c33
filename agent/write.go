package agent

import (
	"context"
	"net"
	"time"

	"github.com/keybroker/keybroker/wire"
)

var (
	overBudget = refusal{reason: "too many bytes of requests wait for an answer, of this program, its socket or all programs",
		remedy: "end the program that sends them and does not read the answers: keybroker log shows which"}
	tooManyConnections = refusal{reason: "this program, all on this socket, or all programs hold too many connections",
		remedy: "end the program that leaks them: keybroker log shows which"}
)

// write sends an answer. A client that leaves it unread ends its connection.
func (s *session) write(reply wire.Reply) error {
	s.renewWriteDeadline()
	return wire.WriteFrame(s.conn, reply.Marshal())
}

// renewWriteDeadline leaves a deadline that is far enough away: to set one costs
// more than to look at the clock.
func (s *session) renewWriteDeadline() {
	now := time.Now()
	if s.writeUntil.Sub(now) < writeTime {
		s.writeUntil = now.Add(2 * writeTime)
		_ = s.conn.SetWriteDeadline(s.writeUntil)
	}
}

// limitSendBuffer bounds what the system keeps of answers that nobody reads.
func limitSendBuffer(conn net.Conn) {
	if limited, ok := conn.(interface{ SetWriteBuffer(int) error }); ok {
		_ = limited.SetWriteBuffer(sendBuffer) // then it is the system's own
	}
}

// listCost is what the answer to a request for the list will hold, going by
// the last one: the answer, and the copy of it that is written.
func (s *session) listCost(request []byte) int {
	if wire.Number(request[0]) != wire.NumRequestIdentities {
		return 0
	}
	return 2 * int(s.server.listSize.Load())
}

// waitFor waits until the others leave room for so many bytes.
func (s *session) waitFor(n int) bool {
	if n == 0 || s.account.take(n) {
		return true
	}
	ctx, cancel := context.WithTimeout(s.ctx, writeTime)
	defer cancel()
	return s.account.wait(ctx, n)
}
