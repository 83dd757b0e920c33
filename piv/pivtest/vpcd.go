package pivtest

import (
	"encoding/binary"
	"fmt"
	"io"
	"net"
)

// vpcd's control messages: one byte instead of an APDU (vsmartcard, vpcd.h).
const (
	vpcdOff   = 0
	vpcdOn    = 1
	vpcdReset = 2
	vpcdATR   = 4
)

// A reading is one message from vpcd: an APDU, or a control byte.
type reading []byte

func (m reading) is(control byte) bool { return len(m) == 1 && m[0] == control }

// readMessage reads one message: two bytes of length, then the message. It
// asks for the ACK at once after each read: vpcd sends the two parts apart and
// with Nagle's algorithm, so that a delayed ACK costs 40 ms.
func readMessage(conn net.Conn) (reading, error) {
	var head [2]byte
	quickAck(conn)
	if _, err := io.ReadFull(conn, head[:]); err != nil {
		return nil, fmt.Errorf("pivtest: read from vpcd: %w", err)
	}
	quickAck(conn)
	message := make([]byte, binary.BigEndian.Uint16(head[:]))
	if _, err := io.ReadFull(conn, message); err != nil {
		return nil, fmt.Errorf("pivtest: read from vpcd: %w", err)
	}
	quickAck(conn)
	return message, nil
}

func writeMessage(conn net.Conn, b []byte) error {
	_, err := conn.Write(append(binary.BigEndian.AppendUint16(nil, uint16(len(b))), b...))
	if err != nil {
		return fmt.Errorf("pivtest: write to vpcd: %w", err)
	}
	return nil
}

// react answers one message; nil: there is no answer to it.
func (c *Card) react(m reading) ([]byte, error) {
	switch {
	case m.is(vpcdATR):
		return c.ATR(), nil
	case m.is(vpcdOn):
		c.PowerOn()
	case m.is(vpcdReset):
		c.warmReset()
	case m.is(vpcdOff):
		c.rest()
	default:
		return c.Transmit(m)
	}
	return nil, nil
}

// rest: no power, but the card is still in the reader.
func (c *Card) rest() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.session = session{}
}
