package pivtest

import "time"

// knobs are how a test makes the card misbehave.
type knobs struct {
	delay        time.Duration
	resetTime    time.Duration
	touchTimeout time.Duration
	shortOnly    bool
	exactLe      bool
	refuseToSign bool
	ignoreLogout bool
	garbled      map[uint32]int // data objects that come garbled so often
	dieOn        int            // -1: on any; 0: not; else on this instruction
	dieAfter     int            // likewise, after the command was carried out

	answers           map[[2]byte][]byte // by instruction and P2: see Answer
	emptyMetadata     int                // see EmptyMetadata; 0: as YubiKeys do
	oneManagementKind bool
}

// Counts tells what a card was asked for.
type Counts struct {
	APDUs, Selects, Verifies, WrongPINs, Signatures, PowerOns int
}

// Slow makes the card wait before it answers each APDU.
func (c *Card) Slow(each time.Duration) { c.turnKnob(func(k *knobs) { k.delay = each }) }

// SlowReset makes the card take that long for a reset, as real ones do (ISO
// 7816-3 gives them up to a second).
func (c *Card) SlowReset(d time.Duration) { c.turnKnob(func(k *knobs) { k.resetTime = d }) }

// warmReset is what a reader does to a card that stays powered.
func (c *Card) warmReset() {
	c.PowerOn()
	c.mu.Lock()
	took := c.knobs.resetTime
	c.mu.Unlock()
	time.Sleep(took)
}

// ShortOnly makes the card refuse extended APDUs (6700), as T=0 does anyway.
func (c *Card) ShortOnly(on bool) { c.turnKnob(func(k *knobs) { k.shortOnly = on }) }

// ExactLe makes a T=1 card answer 6Cxx to a Le that is too great, as T=0 does anyway.
func (c *Card) ExactLe(on bool) { c.turnKnob(func(k *knobs) { k.exactLe = on }) }

// RefuseToSign makes the card answer each signature as if the PIN were not given.
func (c *Card) RefuseToSign(on bool) { c.turnKnob(func(k *knobs) { k.refuseToSign = on }) }

// IgnoreLogout makes the card answer 9000 to VERIFY with P1 = FF and keep the PIN
// verified all the same, as a JavaCard applet was seen to do.
func (c *Card) IgnoreLogout(on bool) { c.turnKnob(func(k *knobs) { k.ignoreLogout = on }) }

// Garble flips a bit in the next so many answers with this data object: in the 30th
// byte, which is the first of the GUID in a CHUID.
func (c *Card) Garble(object uint32, times int) {
	c.turnKnob(func(k *knobs) { k.garbled = map[uint32]int{object: times} })
}

// garble plays Garble. mu is held.
func (c *Card) garble(object uint32, content []byte) []byte {
	const at = 29
	if c.knobs.garbled[object] == 0 || len(content) <= at {
		return content
	}
	c.knobs.garbled[object]--
	content = append([]byte(nil), content...)
	content[at] ^= 1
	return content
}

// TouchTimeout sets how long the card waits for a touch before it answers 6982.
func (c *Card) TouchTimeout(d time.Duration) { c.turnKnob(func(k *knobs) { k.touchTimeout = d }) }

// DieOn makes the card vanish in the middle of the next APDU with this
// instruction; 0: of any.
func (c *Card) DieOn(ins byte) {
	c.turnKnob(func(k *knobs) {
		k.dieOn = int(ins)
		if ins == 0 {
			k.dieOn = -1
		}
	})
}

// DieAfter makes the card carry out the next command with this instruction, and
// vanish before it answers; 0: any.
func (c *Card) DieAfter(ins byte) {
	c.turnKnob(func(k *knobs) {
		k.dieAfter = int(ins)
		if ins == 0 {
			k.dieAfter = -1
		}
	})
}

// Answer makes the card answer each command with this instruction and P2 so, the
// status word at the end, and do nothing. No answer: as it does by itself.
func (c *Card) Answer(ins, p2 byte, answer []byte) {
	c.turnKnob(func(k *knobs) {
		if k.answers == nil {
			k.answers = map[[2]byte][]byte{}
		}
		k.answers[[2]byte{ins, p2}] = answer
	})
}

// EmptyMetadata sets what the card answers to GET METADATA of an empty slot:
// 6A88 as YubiKeys do, 6A86, or 9000 without tags 01 and 04.
func (c *Card) EmptyMetadata(status int) { c.turnKnob(func(k *knobs) { k.emptyMetadata = status }) }

// OneManagementKind makes the card refuse a management key of another algorithm
// than the one that it has (6A80).
func (c *Card) OneManagementKind(on bool) { c.turnKnob(func(k *knobs) { k.oneManagementKind = on }) }

func (c *Card) turnKnob(turn func(*knobs)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	turn(&c.knobs)
}

// arrive notes an APDU, and is slow or dies if a knob says so.
func (c *Card) arrive(apdu []byte) error {
	c.mu.Lock()
	c.counts.APDUs++
	c.record("> " + logCommand(apdu))
	delay, die, gone := c.knobs.delay, c.dies(apdu), c.gone
	c.mu.Unlock()
	if die {
		c.PowerOff()
	}
	select {
	case <-gone:
		return ErrRemoved
	case <-time.After(delay):
		return nil
	}
}

// dies tells whether DieOn meant this APDU. mu is held.
func (c *Card) dies(apdu []byte) bool { return meant(&c.knobs.dieOn, apdu) }

// meant tells whether a knob is set to this APDU, and sets it back.
func meant(on *int, apdu []byte) bool {
	if *on == 0 || *on > 0 && (len(apdu) < 2 || int(apdu[1]) != *on) {
		return false
	}
	*on = 0
	return true
}

// answered is what Answer set for a command. mu is held.
func (c *Card) answered(cmd command) (data []byte, sw int, ok bool) {
	answer := c.knobs.answers[[2]byte{cmd.ins, cmd.p2}]
	n := len(answer) - 2
	if n < 0 {
		return nil, 0, false
	}
	return answer[:n], int(answer[n])<<8 | int(answer[n+1]), true
}

// SetTries sets how many tries PIN and PUK have left. 0: blocked.
func (c *Card) SetTries(pin, puk int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.state.PIN.Left, c.state.PUK.Left = pin, puk
}

// ForgetPIN makes the card say that the PIN is verified (9000 to an empty
// VERIFY) and refuse to sign all the same (6982), until the PIN is verified
// again: seen on cards that were opened anew.
func (c *Card) ForgetPIN() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.session.stale = true
}

// Tries is how many tries PIN and PUK have left.
func (c *Card) Tries() (pin, puk int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.state.PIN.Left, c.state.PUK.Left
}

// PINVerified tells whether the PIN is verified now.
func (c *Card) PINVerified() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.session.pin
}

// Counts is what the card was asked for since it was made.
func (c *Card) Counts() Counts {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.counts
}
