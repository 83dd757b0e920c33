package pivtest

// session is what a card forgets without power.
type session struct {
	selected application
	pin      bool // the PIN was verified
	fresh    bool // … and not used since: what PIN Always asks for
	stale    bool // see ForgetPIN
	admin    bool // the management key was shown

	witness, challenge []byte // of an authentication with the management key under way

	chain   *command // a chained command, as far as it came
	pending []byte   // the rest of an answer, for GET RESPONSE
}

// maxChain bounds a chained command: an object of 3 KB and its header fit.
const maxChain = 4096

// answer runs one command APDU. mu is held.
func (c *Card) answer(apdu []byte) []byte {
	cmd, err := parseCommand(apdu)
	switch {
	case err != nil:
		return status(swWrongLength)
	case cmd.extended && (c.character.T0 || c.knobs.shortOnly):
		return status(swWrongLength)
	case c.character.T0 && len(cmd.data) > 0 && cmd.le > 0:
		return status(swWrongLength) // T=0 has one length byte: ISO 7816-3, section 12.2.5
	case cmd.cla&0x0c != 0:
		return status(swNoSecureMessages)
	case cmd.cla&^chainBit != 0:
		return status(swNoClass)
	case cmd.ins == insGetResponse:
		return c.deliver(cmd, c.session.pending)
	}
	c.session.pending = nil
	if sw := c.gather(&cmd); sw != 0 {
		return status(sw)
	}
	data, sw := c.run(cmd)
	if sw != swOK {
		return status(sw)
	}
	return c.deliver(cmd, data)
}

// gather puts a chained command together (ISO 7816-4, section 5.3.3). Not 0:
// what to answer now.
func (c *Card) gather(cmd *command) int {
	if so := c.session.chain; so != nil {
		c.session.chain = nil
		if so.ins != cmd.ins || so.p1 != cmd.p1 || so.p2 != cmd.p2 {
			return swChainBroken
		}
		cmd.data = append(so.data, cmd.data...)
	}
	if len(cmd.data) > maxChain {
		return swWrongLength
	}
	if cmd.cla&chainBit == 0 {
		return 0
	}
	kept := *cmd
	kept.data = append([]byte(nil), cmd.data...)
	c.session.chain = &kept
	return swOK
}

// deliver hands out as much of an answer as the command asked for, and keeps the rest.
func (c *Card) deliver(cmd command, data []byte) []byte {
	c.session.pending = data
	if cmd.ins == insGetResponse && len(data) == 0 {
		return status(swConditions)
	}
	if c.character.T0 && len(cmd.data) > 0 {
		if len(data) == 0 {
			return status(swOK)
		}
		return status(swMore | waiting(data))
	}
	le := cmd.le
	if le == 0 {
		le = 256
	}
	if c.exactLe(cmd) && le > len(data) && len(data) > 0 {
		return status(swWrongLe | waiting(data))
	}
	n := min(le, len(data))
	c.session.pending = data[n:]
	sw := swOK
	if n < len(data) {
		sw = swMore | waiting(data[n:])
	}
	return append(append([]byte(nil), data[:n]...), status(sw)...)
}

// exactLe tells whether a Le that is too great is answered by 6Cxx. Not so for
// what has effects: the command is sent again.
func (c *Card) exactLe(cmd command) bool {
	if c.character.T0 {
		return true
	}
	return c.knobs.exactLe && (cmd.ins == insGetData || cmd.ins == insGetResponse || cmd.ins >= insMetadata)
}

// waiting is the low byte of 61xx and 6Cxx: 00 for 256 and more.
func waiting(data []byte) int { return min(len(data), 256) & 0xff }
