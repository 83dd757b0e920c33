package admin

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
)

// Limits on the messages in the pipe. They catch damaged messages only: a program
// that can start the helper could use the card itself.
const (
	maxRequest = 4 << 10 // without its secrets
	maxSecret  = 64      // a management key has at most 32 bytes
	maxAnswer  = 16 << 10
	maxFrame   = 4 + maxRequest + 2*(1+maxSecret)
)

var errPipe = errors.New("damaged request")

// writeRequest writes the length of the JSON (4 bytes), the JSON, and each secret
// with its length (1 byte). Secrets are outside the JSON, because the encoder
// keeps copies.
func writeRequest(w io.Writer, r Request) error {
	head, err := json.Marshal(r)
	if err != nil {
		return err
	}
	if len(head) > maxRequest {
		return fmt.Errorf("request of %d bytes", len(head))
	}
	frame := binary.BigEndian.AppendUint32(make([]byte, 0, maxFrame), uint32(len(head)))
	frame = append(frame, head...)
	defer func() { clear(frame) }()
	for _, secret := range r.Secrets.each() {
		if len(*secret) > maxSecret {
			return fmt.Errorf("secret of %d bytes", len(*secret))
		}
		frame = append(append(frame, byte(len(*secret))), *secret...)
	}
	_, err = w.Write(frame)
	return err
}

// readRequest reads what writeRequest wrote, unbuffered, so that no buffer keeps a
// secret. alloc allocates the memory for secrets.
func readRequest(r io.Reader, alloc func(int) []byte) (Request, error) {
	var request Request
	var length [4]byte
	if _, err := io.ReadFull(r, length[:]); err != nil {
		return request, fmt.Errorf("%w: %w", errPipe, err)
	}
	n := binary.BigEndian.Uint32(length[:])
	if n > maxRequest {
		return request, errPipe
	}
	head := make([]byte, n)
	if _, err := io.ReadFull(r, head); err != nil {
		return request, fmt.Errorf("%w: %w", errPipe, err)
	}
	if err := json.Unmarshal(head, &request); err != nil {
		return request, fmt.Errorf("%w: %w", errPipe, err)
	}
	for _, secret := range request.Secrets.each() {
		if _, err := io.ReadFull(r, length[:1]); err != nil || length[0] > maxSecret {
			return request, errPipe
		}
		*secret = alloc(int(length[0]))
		if _, err := io.ReadFull(r, *secret); err != nil {
			return request, fmt.Errorf("%w: %w", errPipe, err)
		}
	}
	return request, nil
}
