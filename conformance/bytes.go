package conformance

import (
	"encoding/binary"
	"math/big"
	"slices"
)

// Message numbers (RFC 9987 section 8.1).
const (
	requestIdentities     = 11
	signRequest           = 13
	addIdentity           = 17
	removeIdentity        = 18
	removeAllIdentities   = 19
	addSmartcardKey       = 20
	removeSmartcardKey    = 21
	lockAgent             = 22
	unlockAgent           = 23
	addConstrained        = 25
	addTokenConstrained   = 26
	extension             = 27
	replyFailure          = 5
	replySuccess          = 6
	replyIdentities       = 12
	replySignature        = 14
	replyExtensionFailure = 28
	replyExtension        = 29
)

// Constraints (RFC 9987 section 8.2) and names of extensions.
const (
	constrainLifetime  = 1
	constrainConfirm   = 2
	constrainExtension = 255

	extQuery       = "query"
	extSessionBind = "session-bind@openssh.com"
	extRestrict    = "restrict-destination-v00@openssh.com"
	extCerts       = "associated-certs-v00@openssh.com"
	extSKProvider  = "sk-provider@openssh.com"
	// extNone is no extension of anybody.
	extNone = "no-such-extension@keybroker.invalid"
)

// str is a string of RFC 4251 section 5.
func str[T ~string | ~[]byte](value T) []byte {
	return append(u32(len(value)), value...)
}

func u32[T ~int | ~uint32](value T) []byte {
	return binary.BigEndian.AppendUint32(nil, uint32(value))
}

func boolean(value bool) []byte {
	if value {
		return []byte{1}
	}
	return []byte{0}
}

// mpint is a number of RFC 4251 section 5.
func mpint(value *big.Int) []byte {
	b := value.Bytes()
	if len(b) > 0 && b[0]&0x80 != 0 {
		b = append([]byte{0}, b...)
	}
	return str(b)
}

// message is a number and the fields that follow.
func message(number byte, fields ...[]byte) []byte {
	return append([]byte{number}, slices.Concat(fields...)...)
}

// frame puts the length in front of a message.
func frame(message []byte) []byte { return str(message) }

func lifetime(seconds uint32) []byte { return append([]byte{constrainLifetime}, u32(seconds)...) }
func confirming() []byte             { return []byte{constrainConfirm} }

func constraintExtension(name string, contents ...[]byte) []byte {
	return append(append([]byte{constrainExtension}, str(name)...), slices.Concat(contents...)...)
}

// fields takes a reply apart. After the first failure it stays bad.
type fields struct {
	rest []byte
	bad  bool
}

func (f *fields) u32() int {
	if f.bad || len(f.rest) < 4 {
		f.bad = true
		return 0
	}
	value := binary.BigEndian.Uint32(f.rest)
	f.rest = f.rest[4:]
	return int(value)
}

func (f *fields) str() []byte {
	n := f.u32()
	if f.bad || n > len(f.rest) {
		f.bad = true
		return nil
	}
	value := f.rest[:n]
	f.rest = f.rest[n:]
	return value
}
