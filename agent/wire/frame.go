package wire

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
)

// ErrBrokenFrame means that the stream can no longer be split into messages:
// the connection must end. Nothing else about a request is that serious.
var ErrBrokenFrame = errors.New("broken frame")

// ReadFrame reads one message: uint32 length, then as many bytes (RFC 9987
// section 3). It returns the bytes after the length, the first of them the
// message number. io.EOF means that the stream ended between messages;
// everything else that ends it is ErrBrokenFrame or the reader's error.
//
// Memory grows with the bytes that arrive, not with the length that was claimed.
func ReadFrame(r io.Reader) ([]byte, error) {
	var header [4]byte
	return ReadFrameHeader(r, header[:])
}

// ReadFrameHeader is ReadFrame with the caller's 4 bytes for the length, so
// that a connection that waits for its next message holds no other memory.
func ReadFrameHeader(r io.Reader, header []byte) ([]byte, error) {
	if _, err := io.ReadFull(r, header[:4]); err != nil {
		if errors.Is(err, io.ErrUnexpectedEOF) {
			return nil, fmt.Errorf("%w: it ended within a length", ErrBrokenFrame)
		}
		return nil, err
	}
	length := int(binary.BigEndian.Uint32(header))
	if length == 0 || length > MaxMessage {
		return nil, fmt.Errorf("%w: length %d is not in 1..%d", ErrBrokenFrame, length, MaxMessage)
	}
	payload := make([]byte, 0, min(length, readChunk))
	for len(payload) < length {
		if len(payload) == cap(payload) {
			payload = grow(payload, length)
		}
		n, err := io.ReadFull(r, payload[len(payload):cap(payload)])
		payload = payload[:len(payload)+n]
		if err != nil {
			return nil, fmt.Errorf("%w: %d bytes of %d arrived: %v", ErrBrokenFrame, len(payload), length, err)
		}
	}
	return payload, nil
}

// grow doubles the buffer, up to the length of the message. The old one is
// wiped: it may hold a private key or a passphrase.
func grow(payload []byte, length int) []byte {
	bigger := make([]byte, len(payload), min(length, 2*cap(payload)))
	copy(bigger, payload)
	clear(payload)
	return bigger
}

// WriteFrame writes one message, with its length, in a single Write.
func WriteFrame(w io.Writer, payload []byte) error {
	frame := make([]byte, 4+len(payload))
	binary.BigEndian.PutUint32(frame, uint32(len(payload)))
	copy(frame[4:], payload)
	_, err := w.Write(frame)
	return err
}
