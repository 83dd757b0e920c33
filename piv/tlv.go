package piv

import (
	"errors"
	"fmt"
)

// Limits of PIV's BER-TLV (SP 800-73-4 part 1 section 4.1: tags of one to three
// bytes). Two length bytes are enough for PIV's objects, but some writers use three
// or four, as BER allows.
const (
	maxTagBytes    = 3
	maxLengthBytes = 4
)

var errTLV = errors.New("damaged TLV data")

// tag is a BER tag as it is written: 0x53, 0x7F49, 0x5FC105.
type tag uint32

// readTLV reads the first element of b. value shares memory with b.
func readTLV(b []byte) (t tag, value, rest []byte, err error) {
	t, b, err = readTag(b)
	if err != nil {
		return 0, nil, nil, err
	}
	n, b, err := readLength(b)
	if err != nil {
		return 0, nil, nil, err
	}
	if n > len(b) {
		return 0, nil, nil, fmt.Errorf("%w: %d bytes in an element of %d", errTLV, len(b), n)
	}
	return t, b[:n:n], b[n:], nil
}

func readTag(b []byte) (tag, []byte, error) {
	if len(b) == 0 {
		return 0, nil, fmt.Errorf("%w: no tag", errTLV)
	}
	t := tag(b[0])
	if b[0]&0x1F != 0x1F {
		return t, b[1:], nil
	}
	for i := 1; i < maxTagBytes && i < len(b); i++ {
		t = t<<8 | tag(b[i])
		if b[i]&0x80 == 0 {
			return t, b[i+1:], nil
		}
	}
	return 0, nil, fmt.Errorf("%w: an unterminated tag", errTLV)
}

func readLength(b []byte) (int, []byte, error) {
	if len(b) == 0 {
		return 0, nil, fmt.Errorf("%w: no length", errTLV)
	}
	if b[0] < 0x80 {
		return int(b[0]), b[1:], nil
	}
	count := int(b[0] & 0x7F)
	if count == 0 || count > maxLengthBytes || count >= len(b) {
		return 0, nil, fmt.Errorf("%w: length of %d bytes", errTLV, count)
	}
	var n uint32
	for _, v := range b[1 : 1+count] {
		n = n<<8 | uint32(v)
	}
	if n > maxExtendedLe {
		return 0, nil, fmt.Errorf("%w: an element of %d bytes", errTLV, n)
	}
	return int(n), b[1+count:], nil
}

// find returns the value of the first element with this tag. It ignores damage after
// that element: cards pad.
func find(b []byte, want tag) ([]byte, bool) {
	for len(b) > 0 {
		t, value, rest, err := readTLV(b)
		if err != nil {
			return nil, false
		}
		if t == want {
			return value, true
		}
		b = rest
	}
	return nil, false
}

// required is find with an error that names the tag.
func required(b []byte, want tag) ([]byte, error) {
	value, ok := find(b, want)
	if !ok {
		return nil, fmt.Errorf("%w: no element %X", errTLV, uint32(want))
	}
	return value, nil
}

// appendTLV appends one element, with the shortest length encoding.
func appendTLV(dst []byte, t tag, value []byte) []byte {
	dst = appendTag(dst, t)
	switch n := len(value); {
	case n < 0x80:
		dst = append(dst, byte(n))
	case n < 0x100:
		dst = append(dst, 0x81, byte(n))
	default:
		dst = append(dst, 0x82, byte(n>>8), byte(n))
	}
	return append(dst, value...)
}

func appendTag(dst []byte, t tag) []byte {
	if t > 0xFFFF {
		dst = append(dst, byte(t>>16))
	}
	if t > 0xFF {
		dst = append(dst, byte(t>>8))
	}
	return append(dst, byte(t))
}
