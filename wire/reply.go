package wire

import (
	"encoding/binary"
	"fmt"
)

// Reply is one of the structs below.
type Reply interface {
	Marshal() []byte
}

// Status is a reply that is only a number: NumFailure, NumSuccess or NumExtensionFailure.
type Status Number

// The replies that are only a number (RFC 9987 section 5.1).
const (
	Failure          = Status(NumFailure)
	Success          = Status(NumSuccess)
	ExtensionFailure = Status(NumExtensionFailure) // a known extension failed
)

// Identity is one entry of an IdentitiesAnswer.
type Identity struct {
	KeyBlob []byte
	Comment string
}

// IdentitiesAnswer is the list of keys.
type IdentitiesAnswer struct{ Identities []Identity }

// SignResponse carries a signature: string format, string blob (RFC 4253 section 6.6).
type SignResponse struct{ Signature []byte }

// ExtensionResponse answers an extension that returns data; Name is the request's.
type ExtensionResponse struct {
	Name     string
	Contents []byte
}

// Marshal returns the single byte.
func (s Status) Marshal() []byte { return []byte{byte(s)} }

func (a IdentitiesAnswer) Marshal() []byte {
	size := 5
	for _, id := range a.Identities {
		size += 8 + len(id.KeyBlob) + len(id.Comment)
	}
	b := append(make([]byte, 0, size), byte(NumIdentitiesAnswer))
	b = binary.BigEndian.AppendUint32(b, uint32(len(a.Identities)))
	for _, id := range a.Identities {
		b = appendBytes(appendBytes(b, id.KeyBlob), id.Comment)
	}
	return b
}

func (s SignResponse) Marshal() []byte {
	return appendBytes([]byte{byte(NumSignResponse)}, s.Signature)
}

func (e ExtensionResponse) Marshal() []byte {
	return append(appendBytes([]byte{byte(NumExtensionResponse)}, e.Name), e.Contents...)
}

// ParseReply reads a reply that ReadFrame returned.
func ParseReply(message []byte) (Reply, error) {
	reply, rest, err := ReplyAndRest(message)
	if err == nil && len(rest) > 0 {
		err = fmt.Errorf("reply %d: %w", message[0], ErrMalformed)
	}
	if err != nil {
		return nil, err
	}
	return reply, nil
}

// ReplyAndRest is ParseReply for replies that may have more bytes after the last
// field. Some agents send such replies, and OpenSSH's clients accept them.
func ReplyAndRest(message []byte) (reply Reply, rest []byte, err error) {
	if len(message) == 0 {
		return nil, nil, fmt.Errorf("%w: it is empty", ErrMalformed)
	}
	c := &cursor{rest: message[1:]}
	switch number := Number(message[0]); number {
	case NumFailure, NumSuccess, NumExtensionFailure:
		reply = Status(number)
	case NumIdentitiesAnswer:
		reply = parseIdentities(c)
	case NumSignResponse:
		reply = SignResponse{c.bytes()}
	case NumExtensionResponse:
		reply = ExtensionResponse{c.string(), c.take(len(c.rest))}
	default:
		return nil, nil, fmt.Errorf("%w: %d is not a reply", ErrMalformed, number)
	}
	if c.bad {
		return nil, nil, fmt.Errorf("reply %d: %w", message[0], ErrMalformed)
	}
	return reply, c.rest, nil
}

func parseIdentities(c *cursor) IdentitiesAnswer {
	var answer IdentitiesAnswer
	for n := c.uint32(); n > 0 && !c.bad; n-- {
		answer.Identities = append(answer.Identities, Identity{c.bytes(), c.string()})
	}
	return answer
}
