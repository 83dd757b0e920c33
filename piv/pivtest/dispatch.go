package pivtest

import (
	"bytes"
	"slices"
)

// application is what is selected on the card.
type application int

const (
	noApplication application = iota
	pivApplication
	managementApplication
	otpApplication
	otherApplication
)

const (
	aidPIV        = "\xa0\x00\x00\x03\x08\x00\x00\x10\x00\x01\x00" // SP 800-73-5 part 1, section 2.2
	aidPIVShort   = "\xa0\x00\x00\x03\x08"                         // NIST's RID: as short as it may be cut
	aidManagement = "\xa0\x00\x00\x05\x27\x47\x11\x17"             // Yubico's
	aidOTP        = "\xa0\x00\x00\x05\x27\x20\x01"                 // Yubico's
)

// run runs a whole command and returns its answer with a status word. mu is held.
func (c *Card) run(cmd command) ([]byte, int) {
	if cmd.ins == insSelect {
		return c.selectApplication(cmd)
	}
	if c.session.selected == managementApplication && cmd.ins == insReadConfig {
		return c.readConfig(), swOK
	}
	if c.session.selected == otpApplication && cmd.ins == insOTPSerial && cmd.p1 == 0x10 {
		return c.serial(), swOK
	}
	if c.session.selected != pivApplication {
		return nil, swNoInstruction
	}
	if data, sw, ok := c.answered(cmd); ok {
		return data, sw
	}
	if c.character.ByTheBook && cmd.ins != insAuthenticate {
		c.session.fresh = false
	}
	switch cmd.ins {
	case insVerify:
		return nil, c.verify(cmd)
	case insChange:
		return nil, c.changeReference(cmd)
	case insResetRetry:
		return nil, c.resetRetry(cmd)
	case insGenerate:
		return c.generate(cmd)
	case insAuthenticate:
		return c.authenticate(cmd)
	case insGetData:
		return c.getData(cmd)
	case insPutData:
		return nil, c.putData(cmd)
	}
	if c.character.Yubico {
		return c.runYubico(cmd)
	}
	return nil, swNoInstruction
}

// selectApplication is SELECT (SP 800-73-5 part 2, section 3.1.1).
func (c *Card) selectApplication(cmd command) ([]byte, int) {
	if cmd.p1 != 4 || cmd.p2 != 0 {
		return nil, swWrongP1P2
	}
	c.counts.Selects++
	switch {
	case isPIV(cmd.data):
		if c.session.selected != pivApplication || !c.character.ByTheBook {
			c.enter(pivApplication)
		}
		return c.applicationTemplate(), swOK
	case c.isOther(cmd.data):
		c.enter(otherApplication)
		if bytes.HasPrefix(cmd.data, []byte(aidManagement)) {
			c.enter(managementApplication)
			return []byte("Virtual mgr - FW version " + c.firmware()), swOK
		}
		if bytes.HasPrefix(cmd.data, []byte(aidOTP)) {
			c.enter(otpApplication)
		}
		return nil, swOK
	}
	if c.character.Yubico {
		c.enter(noApplication) // a YubiKey loses its state over a SELECT that fails, too
	}
	return nil, swNotFound
}

// enter changes the application: what was verified with PIV's own references
// is forgotten, what was verified with the card's PIN is not (section 2.4.2).
func (c *Card) enter(a application) {
	pin := c.session.pin && c.character.GlobalPIN
	c.session = session{selected: a, pin: pin}
}

func isPIV(aid []byte) bool {
	return bytes.HasPrefix([]byte(aidPIV), aid) && len(aid) >= len(aidPIVShort)
}

func (c *Card) isOther(aid []byte) bool {
	return slices.ContainsFunc(c.character.Others, func(other []byte) bool { return bytes.HasPrefix(aid, other) })
}

// applicationTemplate is SELECT's answer (SP 800-73-5 part 2, table 3).
func (c *Card) applicationTemplate() []byte {
	fields := [][]byte{
		tlv(0x4f, []byte(aidPIV[len(aidPIVShort):])),
		tlv(0x79, tlv(0x4f, []byte(aidPIVShort))),
	}
	if c.character.ByTheBook {
		fields = append(fields, tlv(0x50, []byte("PIV")))
	}
	return tlv(0x61, fields...)
}
