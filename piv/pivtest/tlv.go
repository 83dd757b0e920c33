package pivtest

import "bytes"

// tlv encodes one BER-TLV object (SP 800-73-5 part 1, section 4).
func tlv(tag uint32, value ...[]byte) []byte {
	v := bytes.Join(value, nil)
	out := tagBytes(tag)
	switch n := len(v); {
	case n < 0x80:
		out = append(out, byte(n))
	case n < 0x100:
		out = append(out, 0x81, byte(n))
	default:
		out = append(out, 0x82, byte(n>>8), byte(n))
	}
	return append(out, v...)
}

func tagBytes(tag uint32) []byte {
	var out []byte
	for shift := 24; shift >= 0; shift -= 8 {
		if b := byte(tag >> shift); b != 0 || len(out) > 0 {
			out = append(out, b)
		}
	}
	return out
}

func tagOf(b []byte) uint32 {
	var tag uint32
	for _, x := range b {
		tag = tag<<8 | uint32(x)
	}
	return tag
}

// readTLV splits the first object off b.
func readTLV(b []byte) (tag uint32, value, rest []byte, ok bool) {
	n := tagLength(b)
	if n == 0 || len(b) <= n || b[0] == 0 {
		return 0, nil, nil, false
	}
	tag, b = tagOf(b[:n]), b[n:]
	size, b, ok := readLength(b)
	if !ok || len(b) < size {
		return 0, nil, nil, false
	}
	return tag, b[:size], b[size:], true
}

// tagLength is the number of bytes in the tag that b begins with; 0: none of up to 3.
func tagLength(b []byte) int {
	if len(b) == 0 {
		return 0
	}
	if b[0]&0x1f != 0x1f {
		return 1
	}
	for i := 1; i < len(b) && i < 3; i++ {
		if b[i]&0x80 == 0 {
			return i + 1
		}
	}
	return 0
}

func readLength(b []byte) (n int, rest []byte, ok bool) {
	if b[0] < 0x80 {
		return int(b[0]), b[1:], true
	}
	digits := int(b[0] & 0x7f)
	if digits == 0 || digits > 2 || len(b) < 1+digits {
		return 0, nil, false
	}
	for _, d := range b[1 : 1+digits] {
		n = n<<8 | int(d)
	}
	return n, b[1+digits:], true
}

// fields reads all objects of b. A later one with the same tag wins.
func fields(b []byte) (map[uint32][]byte, bool) {
	m := map[uint32][]byte{}
	for len(b) > 0 {
		tag, value, rest, ok := readTLV(b)
		if !ok {
			return nil, false
		}
		m[tag], b = value, rest
	}
	return m, true
}
