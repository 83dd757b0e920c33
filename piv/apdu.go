package piv

// Sizes of APDUs (ISO 7816-4 section 5.1).
const (
	maxShortData    = 255
	maxShortLe      = 256
	maxExtendedData = 65535
	maxExtendedLe   = 65536
)

// Instructions of SP 800-73-4 part 2 and of ISO 7816-4.
const (
	insVerify              = 0x20
	insChangeReferenceData = 0x24
	insResetRetryCounter   = 0x2C
	insGeneralAuthenticate = 0x87
	insSelect              = 0xA4
	insGetResponse         = 0xC0
	insGetData             = 0xCB

	claChained = 0x10 // not the last command of a chain
)

// answer is how long a response a command expects.
type answer int

const (
	noAnswer    answer = iota // status bytes only: no Le
	shortAnswer               // up to 256 bytes
	longAnswer                // maybe more: extended Le if supported, else 61xx
)

// command is one command APDU, before it is split for the card.
type command struct {
	cla, ins, p1, p2 byte
	data             []byte
	want             answer
	// secret data must reach only the PIV application: it is sent only after
	// the application was selected in this transaction, and never twice.
	secret bool
}

// le returns Le for a short APDU; 0 means none.
func (c command) le() int {
	if c.want == noAnswer {
		return 0
	}
	return maxShortLe
}

// short encodes a short APDU that expects le bytes (0: none). T=0 cannot carry
// both Lc and Le (the card answers 61xx instead), and always has a P3 (ISO 7816-3
// section 12.2).
func (c command) short(le int, t0 bool) []byte {
	out := make([]byte, 0, 4+1+len(c.data)+1)
	out = append(out, c.cla, c.ins, c.p1, c.p2)
	if len(c.data) > 0 {
		out = append(out, byte(len(c.data)))
		out = append(out, c.data...)
	}
	switch {
	case t0 && len(c.data) > 0:
	case le > 0 || t0:
		out = append(out, byte(le)) // 256 is sent as 00
	}
	return out
}

// extended encodes an extended APDU that accepts an answer of any length.
func (c command) extended() []byte {
	out := make([]byte, 0, 4+3+len(c.data)+3)
	out = append(out, c.cla, c.ins, c.p1, c.p2, 0)
	if len(c.data) > 0 {
		out = append(out, byte(len(c.data)>>8), byte(len(c.data)))
		out = append(out, c.data...)
	}
	if c.want != noAnswer {
		out = append(out, 0, 0)
	}
	return out
}

// splitResponse cuts the status bytes off a response APDU.
func splitResponse(response []byte) ([]byte, Status, error) {
	n := len(response) - 2
	if n < 0 || n > maxExtendedLe {
		return nil, 0, ErrBadResponse
	}
	return response[:n:n], Status(response[n])<<8 | Status(response[n+1]), nil
}
