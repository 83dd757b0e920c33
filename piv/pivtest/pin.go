package pivtest

import (
	"bytes"
	"crypto/subtle"
)

// Key references (SP 800-73-5 part 1, table 6).
const (
	refGlobalPIN = 0x00
	refPIN       = 0x80
	refPUK       = 0x81
)

// pinBytes is the length of a PIN or PUK on the wire, padded with FF.
const pinBytes = 8

// What cards come with.
const (
	DefaultPIN = "123456"
	DefaultPUK = "12345678"
)

// secret is a PIN or PUK with its tries.
type secret struct {
	Value     []byte
	Left, Max int
	Default   bool
}

func newSecret(value string, tries int) secret {
	return secret{Value: padPIN(value), Left: tries, Max: tries, Default: true}
}

func padPIN(value string) []byte {
	return append([]byte(value), bytes.Repeat([]byte{0xff}, pinBytes-len(value))...)
}

// try compares and counts. 9000: right.
func (c *Card) try(s *secret, value []byte) int {
	if s.Left == 0 {
		return swBlocked
	}
	if subtle.ConstantTimeCompare(s.Value, value) == 1 {
		s.Left = s.Max
		return swOK
	}
	s.Left--
	c.counts.WrongPINs++
	c.session.pin, c.session.fresh = false, false
	if s.Left == 0 && !c.character.ByTheBook {
		return swBlocked
	}
	return triesLeft(s.Left)
}

// triesLeft is 63Cx: 15 and more are told as 15.
func triesLeft(n int) int { return swWrongPIN | min(n, 15) }

// set changes the value, after which all tries are there again.
func (s *secret) set(value []byte) {
	s.Value, s.Left, s.Default = append([]byte(nil), value...), s.Max, false
}

// verify is VERIFY (SP 800-73-5 part 2, section 3.2.1).
func (c *Card) verify(cmd command) int {
	if cmd.p2 != c.character.pinReference() {
		return swNoReference
	}
	switch {
	case cmd.p1 == 0xff && len(cmd.data) == 0:
		if !c.knobs.ignoreLogout {
			c.session.pin, c.session.fresh = false, false
		}
		return swOK
	case cmd.p1 != 0:
		return swWrongP1P2
	case len(cmd.data) == 0:
		return c.pinStatus()
	case len(cmd.data) != pinBytes || c.character.ByTheBook && !isPIN(cmd.data):
		return swWrongData
	}
	c.counts.Verifies++
	sw := c.try(&c.state.PIN, cmd.data)
	if sw == swOK {
		c.session.pin, c.session.fresh, c.session.stale = true, true, false
	}
	return sw
}

func (c *Card) pinStatus() int {
	switch {
	case c.session.pin:
		return swOK
	case c.state.PIN.Left == 0:
		return swBlocked
	}
	return triesLeft(c.state.PIN.Left)
}

// changeReference is CHANGE REFERENCE DATA (section 3.2.2).
func (c *Card) changeReference(cmd command) int {
	s := &c.state.PIN
	switch {
	case cmd.p1 != 0:
		return swWrongP1P2
	case cmd.p2 == refPUK:
		s = &c.state.PUK
	case cmd.p2 != c.character.pinReference():
		return swNoReference
	}
	if len(cmd.data) != 2*pinBytes || !c.acceptable(cmd.p2, cmd.data[pinBytes:]) {
		return swWrongData
	}
	if sw := c.try(s, cmd.data[:pinBytes]); sw != swOK {
		return sw
	}
	s.set(cmd.data[pinBytes:])
	if cmd.p2 != refPUK {
		c.session.pin = true
	}
	return swOK
}

// resetRetry is RESET RETRY COUNTER (section 3.2.3), for the application's PIN only.
func (c *Card) resetRetry(cmd command) int {
	if cmd.p1 != 0 {
		return swWrongP1P2
	}
	if cmd.p2 != refPIN || c.character.GlobalPIN {
		return swNoReference
	}
	if len(cmd.data) != 2*pinBytes || !c.acceptable(refPIN, cmd.data[pinBytes:]) {
		return swWrongData
	}
	if sw := c.try(&c.state.PUK, cmd.data[:pinBytes]); sw != swOK {
		return sw
	}
	c.state.PIN.set(cmd.data[pinBytes:])
	return swOK
}

// acceptable tells whether a new PIN or PUK may be set.
func (c *Card) acceptable(ref byte, value []byte) bool {
	if c.character.ByTheBook && ref != refPUK {
		return isPIN(value)
	}
	return len(bytes.TrimRight(value, "\xff")) >= 6
}

// isPIN: six to eight digits, then FF (part 2, section 2.4.3).
func isPIN(value []byte) bool {
	digits := bytes.TrimRight(value, "\xff")
	return len(digits) >= 6 && len(bytes.Trim(digits, "0123456789")) == 0
}
