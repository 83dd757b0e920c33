package conformance

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"time"
)

const (
	// maxReply bounds what is read of one reply: OpenSSH's clients take 256 KiB.
	maxReply = 1 << 20
	// quietTime is how long to wait for what must not come.
	quietTime = 150 * time.Millisecond
)

// Conn is one connection to the agent. Its methods end the rule when the agent does
// not answer as an agent does.
type Conn struct {
	t    *T
	conn net.Conn
}

// Ask sends one message and returns the reply, number first.
func (c *Conn) Ask(message []byte) []byte {
	c.t.sent(message)
	c.write(frame(message))
	return c.Reply()
}

// Number is Ask for the number of the reply. One that has only a number must be one byte.
func (c *Conn) Number(message []byte) byte {
	reply := c.Ask(message)
	switch reply[0] {
	case replyFailure, replySuccess, replyExtensionFailure:
		if len(reply) > 1 {
			c.t.Failf("reply %d has %d bytes, and must have one", reply[0], len(reply))
		}
	}
	return reply[0]
}

// Want is Number that ends the rule if the reply is another one.
func (c *Conn) Want(number byte, message []byte, what string) {
	if got := c.Number(message); got != number {
		c.t.Failf("%s: reply %s, not %s", what, named(got), named(number))
	}
}

// Raw sends bytes as they are, and returns whether the agent took them.
func (c *Conn) Raw(raw []byte) bool {
	c.t.sent(raw)
	return c.tryWrite(raw) == nil
}

// Reply reads one reply.
func (c *Conn) Reply() []byte {
	reply, err := c.tryReply(c.t.patience)
	if err != nil {
		c.t.received(nil, err)
		c.t.Failf("no reply: %v", err)
	}
	c.t.received(reply, nil)
	return reply
}

// Quiet ends the rule if the agent sends something.
func (c *Conn) Quiet() {
	_ = c.conn.SetReadDeadline(time.Now().Add(quietTime))
	var one [1]byte
	if n, err := c.conn.Read(one[:]); n > 0 || !errors.Is(err, os.ErrDeadlineExceeded) {
		c.t.received(one[:n], err)
		c.t.Failf("the agent sent something that nobody asked for, or hung up: %d bytes, %v", n, err)
	}
}

// Ended returns whether the agent ends the connection, and the replies before that.
func (c *Conn) Ended() (replies [][]byte, ended bool) {
	for {
		reply, err := c.tryReply(c.t.patience)
		switch {
		case err == nil:
			c.t.received(reply, nil)
			replies = append(replies, reply)
		case errors.Is(err, os.ErrDeadlineExceeded):
			c.t.received(nil, errors.New("nothing, and the connection stays open"))
			return replies, false
		default:
			c.t.received(nil, errors.New("the connection ended"))
			return replies, true
		}
	}
}

// Close hangs up.
func (c *Conn) Close() { _ = c.conn.Close() }

// HalfClose says that nothing more will come. Named pipes cannot.
func (c *Conn) HalfClose() {
	half, ok := c.conn.(interface{ CloseWrite() error })
	if !ok {
		c.t.Skipf("a connection of this kind cannot be closed halfway")
	}
	if err := half.CloseWrite(); err != nil {
		c.t.Failf("close: %v", err)
	}
}

func (c *Conn) write(raw []byte) {
	if err := c.tryWrite(raw); err != nil {
		c.t.received(nil, err)
		c.t.Failf("the agent did not take the request: %v", err)
	}
}

func (c *Conn) tryWrite(raw []byte) error {
	_ = c.conn.SetWriteDeadline(time.Now().Add(c.t.patience))
	_, err := c.conn.Write(raw)
	return err
}

// tryReply reads one reply. One without a number is an error.
func (c *Conn) tryReply(patience time.Duration) ([]byte, error) {
	_ = c.conn.SetReadDeadline(time.Now().Add(patience))
	var header [4]byte
	if _, err := io.ReadFull(c.conn, header[:]); err != nil {
		return nil, err
	}
	length := binary.BigEndian.Uint32(header[:])
	if length == 0 || length > maxReply {
		return nil, fmt.Errorf("a reply of %d bytes", length)
	}
	reply := make([]byte, length)
	_, err := io.ReadFull(c.conn, reply)
	return reply, err
}

// names are the replies of RFC 9987 section 8.1.
var names = map[byte]string{replyFailure: "FAILURE", replySuccess: "SUCCESS", replyIdentities: "IDENTITIES_ANSWER",
	replySignature: "SIGN_RESPONSE", replyExtensionFailure: "EXTENSION_FAILURE", replyExtension: "EXTENSION_RESPONSE"}

func named(number byte) string {
	if name := names[number]; name != "" {
		return fmt.Sprintf("%d (%s)", number, name)
	}
	return fmt.Sprint(number)
}
