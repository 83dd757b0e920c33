package wire

import (
	"encoding/binary"
	"fmt"
)

// Request is one of the structs below. The slices in a parsed request point
// into the frame it came from; wipe the frame if it holds a secret.
type Request interface {
	// Marshal returns the message as ReadFrame does, number first.
	Marshal() []byte
}

// RequestIdentities asks for the list of keys.
type RequestIdentities struct{}

// SignRequest asks for a signature over Data with the key whose public half is KeyBlob.
type SignRequest struct {
	KeyBlob []byte
	Data    []byte
	Flags   SignatureFlags
}

// RemoveIdentity asks to forget one key.
type RemoveIdentity struct{ KeyBlob []byte }

// RemoveAllIdentities asks to forget every key.
type RemoveAllIdentities struct{}

// AddSmartcardKey asks to load the keys of a token (20, or 26 with constraints).
type AddSmartcardKey struct {
	ReaderID    string // for OpenSSH the path of a PKCS#11 module
	PIN         []byte
	Constrained bool
	Constraints []Constraint
}

// RemoveSmartcardKey asks to forget the keys of a token.
type RemoveSmartcardKey struct {
	ReaderID string
	PIN      []byte
}

// Lock asks to refuse everything until an Unlock with the same passphrase.
type Lock struct{ Passphrase []byte }

// Unlock undoes Lock.
type Unlock struct{ Passphrase []byte }

// Extension is an extension request. Name determines the format of Contents.
type Extension struct {
	Name     string
	Contents []byte
}

// Unknown is a request with a number that RFC 9987 does not define, or has retired.
// The answer is a failure; the connection continues.
type Unknown struct {
	Number Number
	Body   []byte
}

// ParseRequest reads the message that ReadFrame returned. The error wraps
// ErrMalformed; an unknown number is not an error but an Unknown.
func ParseRequest(message []byte) (Request, error) {
	if len(message) == 0 {
		return nil, fmt.Errorf("%w: it is empty", ErrMalformed)
	}
	number := Number(message[0])
	c := &cursor{rest: message[1:]}
	request, err := parseBody(number, c)
	if err != nil {
		return nil, fmt.Errorf("message %d: %w", number, err)
	}
	if !c.atEnd() {
		return nil, fmt.Errorf("message %d: %w", number, ErrMalformed)
	}
	return request, nil
}

func parseBody(number Number, c *cursor) (Request, error) {
	switch number {
	case NumRequestIdentities:
		return RequestIdentities{}, nil
	case NumSignRequest:
		return SignRequest{c.bytes(), c.bytes(), SignatureFlags(c.uint32())}, nil
	case NumAddIdentity:
		return parseAddIdentity(c, false)
	case NumAddIDConstrained:
		return parseAddIdentity(c, true)
	case NumRemoveIdentity:
		return RemoveIdentity{c.bytes()}, nil
	case NumRemoveAllIdentities:
		return RemoveAllIdentities{}, nil
	case NumAddSmartcardKey:
		return AddSmartcardKey{ReaderID: c.string(), PIN: c.bytes()}, nil
	case NumAddSmartcardKeyConstrained:
		add := AddSmartcardKey{ReaderID: c.string(), PIN: c.bytes(), Constrained: true}
		var err error
		add.Constraints, err = parseConstraints(c)
		return add, err
	case NumRemoveSmartcardKey:
		return RemoveSmartcardKey{c.string(), c.bytes()}, nil
	case NumLock:
		return Lock{c.bytes()}, nil
	case NumUnlock:
		return Unlock{c.bytes()}, nil
	case NumExtension:
		return Extension{c.string(), c.take(len(c.rest))}, nil
	default:
		return Unknown{number, c.take(len(c.rest))}, nil
	}
}

func (RequestIdentities) Marshal() []byte   { return []byte{byte(NumRequestIdentities)} }
func (RemoveAllIdentities) Marshal() []byte { return []byte{byte(NumRemoveAllIdentities)} }

func (r SignRequest) Marshal() []byte {
	b := appendBytes([]byte{byte(NumSignRequest)}, r.KeyBlob)
	b = appendBytes(b, r.Data)
	return binary.BigEndian.AppendUint32(b, uint32(r.Flags))
}

func (r RemoveIdentity) Marshal() []byte {
	return appendBytes([]byte{byte(NumRemoveIdentity)}, r.KeyBlob)
}

func (r AddSmartcardKey) Marshal() []byte {
	number := NumAddSmartcardKey
	if r.Constrained {
		number = NumAddSmartcardKeyConstrained
	}
	b := appendBytes([]byte{byte(number)}, r.ReaderID)
	return appendConstraints(appendBytes(b, r.PIN), r.Constraints)
}

func (r RemoveSmartcardKey) Marshal() []byte {
	return appendBytes(appendBytes([]byte{byte(NumRemoveSmartcardKey)}, r.ReaderID), r.PIN)
}

func (r Lock) Marshal() []byte   { return appendBytes([]byte{byte(NumLock)}, r.Passphrase) }
func (r Unlock) Marshal() []byte { return appendBytes([]byte{byte(NumUnlock)}, r.Passphrase) }

func (r Extension) Marshal() []byte {
	return append(appendBytes([]byte{byte(NumExtension)}, r.Name), r.Contents...)
}

func (r Unknown) Marshal() []byte { return append([]byte{byte(r.Number)}, r.Body...) }
