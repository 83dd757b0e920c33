package wire

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
)

// ErrBrokenFrame means that the stream can no longer be split into messages, so that
// the connection must end. After other errors it continues.
var ErrBrokenFrame = errors.New("broken frame")

// ReadFrame reads one message: uint32 length, then that many bytes (RFC 9987
// section 3). It returns the bytes after the length; the first is the message number.
// io.EOF means that the stream ended between messages; other errors are
// ErrBrokenFrame or the reader's.
//
// Memory grows with the bytes that arrive, not with the claimed length.
func ReadFrame(r io.Reader) ([]byte, error) {
	var header [4]byte
	length, err := ReadLength(r, header[:])
	if err != nil {
		return nil, err
	}
	return ReadPayload(r, length)
}

// ReadLength reads the length of the next message into the caller's 4 bytes, so that
// a waiting connection needs no other memory. Its errors are those of ReadFrame.
func ReadLength(r io.Reader, header []byte) (int, error) {
	if _, err := io.ReadFull(r, header[:4]); err != nil {
		if errors.Is(err, io.ErrUnexpectedEOF) {
			return 0, fmt.Errorf("%w: the stream ended within a length", ErrBrokenFrame)
		}
		return 0, err
	}
	length := int(binary.BigEndian.Uint32(header))
	if length == 0 || length > MaxMessage {
		return 0, fmt.Errorf("%w: length %d is not in 1..%d", ErrBrokenFrame, length, MaxMessage)
	}
	return length, nil
}

// ReadPayload reads the rest of the message after its length.
func ReadPayload(r io.Reader, length int) ([]byte, error) {
	payload := make([]byte, 0, min(length, readChunk))
	for len(payload) < length {
		if len(payload) == cap(payload) {
			payload = grow(payload, length)
		}
		n, err := io.ReadFull(r, payload[len(payload):cap(payload)])
		payload = payload[:len(payload)+n]
		if err != nil {
			return nil, cutOff(len(payload), length, err)
		}
	}
	return payload, nil
}

// SkipPayload discards the rest of a message. It returns only the message number.
func SkipPayload(r io.Reader, length int) ([]byte, error) {
	number := make([]byte, 1)
	if _, err := io.ReadFull(r, number); err != nil {
		return nil, cutOff(0, length, err)
	}
	if n, err := io.CopyN(io.Discard, r, int64(length-1)); err != nil {
		return nil, cutOff(1+int(n), length, err)
	}
	return number, nil
}

func cutOff(arrived, length int, err error) error {
	return fmt.Errorf("%w: %d bytes of %d arrived: %v", ErrBrokenFrame, arrived, length, err)
}

// grow doubles the buffer, up to the length of the message. It wipes the old one,
// which may hold a private key or a passphrase.
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
