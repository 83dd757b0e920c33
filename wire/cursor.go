package wire

import (
	"encoding/binary"
	"errors"
)

// ErrMalformed means that a message does not have the format of its specification.
// The request fails; the connection continues.
var ErrMalformed = errors.New("malformed message")

// cursor reads the data types of RFC 4251 section 5 from the front of a byte slice.
// After the first failure it stays bad. The slices that it returns point into rest.
type cursor struct {
	rest []byte
	bad  bool
}

func (c *cursor) take(n int) []byte {
	if c.bad || n < 0 || n > len(c.rest) {
		c.bad = true
		return nil
	}
	head := c.rest[:n:n]
	c.rest = c.rest[n:]
	return head
}

func (c *cursor) uint8() byte {
	if b := c.take(1); b != nil {
		return b[0]
	}
	return 0
}

func (c *cursor) uint32() uint32 {
	if b := c.take(4); b != nil {
		return binary.BigEndian.Uint32(b)
	}
	return 0
}

// bytes reads a string: uint32 length, then that many bytes.
func (c *cursor) bytes() []byte {
	length := c.uint32()
	if uint64(length) > uint64(len(c.rest)) {
		c.bad = true
		return nil
	}
	return c.take(int(length))
}

func (c *cursor) string() string { return string(c.bytes()) }

// boolean reads a byte that must be 0 or 1. In RFC 4251 every other byte means true;
// here it means a damaged message.
func (c *cursor) boolean() bool {
	b := c.uint8()
	if b > 1 {
		c.bad = true
	}
	return b == 1
}

// atEnd reports whether everything was read.
func (c *cursor) atEnd() bool { return !c.bad && len(c.rest) == 0 }

func appendBytes[T ~[]byte | ~string](to []byte, value T) []byte {
	to = binary.BigEndian.AppendUint32(to, uint32(len(value)))
	return append(to, value...)
}

func appendBool(to []byte, value bool) []byte {
	if value {
		return append(to, 1)
	}
	return append(to, 0)
}
