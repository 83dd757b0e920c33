package pivtest

import (
	"encoding/binary"
	"fmt"
)

// insReadConfig belongs to Yubico's management application.
const insReadConfig = 0x1d

// insOTPSerial, with P1 = 10, belongs to Yubico's OTP application.
const insOTPSerial = 0x01

func (c *Card) version() []byte { return c.character.Firmware[:] }

// formFactor: a USB-A keychain.
const formFactor = 1

// runYubico runs Yubico's own instructions
// (developers.yubico.com/PIV/Introduction/Yubico_extensions.html).
func (c *Card) runYubico(cmd command) ([]byte, int) {
	newer := map[byte][2]byte{insSerial: {5, 0}, insMetadata: {5, 3}, insMoveKey: {5, 7}}
	if since, ok := newer[cmd.ins]; ok && !c.character.since(since[0], since[1]) {
		return nil, swNoInstruction
	}
	switch cmd.ins {
	case insVersion:
		return c.version(), swOK
	case insSerial:
		return c.serial(), swOK
	case insMetadata:
		return c.metadata(cmd)
	case insAttest:
		return c.attest(cmd)
	case insImport:
		return c.importKey(cmd)
	case insMoveKey:
		return nil, c.moveKey(cmd)
	case insSetManagement:
		return nil, c.setManagementKey(cmd)
	case insSetRetries:
		return nil, c.setRetries(cmd)
	case insReset:
		return nil, c.reset()
	}
	return nil, swNoInstruction
}

func (c *Card) firmware() string {
	v := c.character.Firmware
	return fmt.Sprintf("%d.%d.%d", v[0], v[1], v[2])
}

func (c *Card) serial() []byte { return binary.BigEndian.AppendUint32(nil, c.state.Serial) }

// readConfig is the management application's answer: serial, form factor, version.
func (c *Card) readConfig() []byte {
	b := append(tlv(0x02, c.serial()), tlv(0x04, []byte{formFactor})...)
	b = append(b, tlv(0x05, c.version())...)
	return append([]byte{byte(len(b))}, b...)
}

func (c *Card) metadata(cmd command) ([]byte, int) {
	switch {
	case cmd.p1 != 0:
		return nil, swWrongP1P2
	case cmd.p2 == refPIN:
		return c.state.PIN.metadata(), swOK
	case cmd.p2 == refPUK:
		return c.state.PUK.metadata(), swOK
	case cmd.p2 == slotManagement:
		m := c.state.Management
		return append(tlv(1, []byte{m.Algorithm}), append(tlv(2, []byte{0, m.Touch}), tlv(5, flag(m.Default))...)...), swOK
	}
	k := c.state.Slots[cmd.p2]
	if k == nil {
		return c.noMetadata()
	}
	b := append(tlv(1, []byte{k.Algorithm}), tlv(2, []byte{k.PIN, k.Touch})...)
	b = append(b, tlv(3, []byte{k.Origin})...)
	return append(b, tlv(4, publicObject(k.private.Public()))...), swOK
}

// noMetadata is the answer for an empty slot.
func (c *Card) noMetadata() ([]byte, int) {
	switch sw := c.knobs.emptyMetadata; sw {
	case 0:
		return nil, swNoReference
	case swOK:
		return append(tlv(2, []byte{0, 0}), tlv(3, []byte{0})...), swOK
	default:
		return nil, sw
	}
}

func (s secret) metadata() []byte {
	b := append(tlv(1, []byte{0xff}), tlv(5, flag(s.Default))...)
	return append(b, tlv(6, []byte{byte(s.Max), byte(s.Left)})...)
}

func flag(b bool) []byte {
	if b {
		return []byte{1}
	}
	return []byte{0}
}

// moveKey moves a key to the slot P1, or deletes it (P1 = FF).
func (c *Card) moveKey(cmd command) int {
	k := c.state.Slots[cmd.p2]
	switch {
	case !c.session.admin:
		return swNotAllowed
	case k == nil:
		return swNoReference
	case cmd.p1 != 0xff && (!c.isSlot(cmd.p1) || c.state.Slots[cmd.p1] != nil):
		return swWrongP1P2
	}
	delete(c.state.Slots, cmd.p2)
	if cmd.p1 != 0xff {
		c.state.Slots[cmd.p1] = k
	}
	return swOK
}

// setManagementKey: P2 is FF, or FE for a key that wants a touch.
func (c *Card) setManagementKey(cmd command) int {
	switch d := cmd.data; {
	case cmd.p1 != 0xff || cmd.p2 < 0xfe:
		return swWrongP1P2
	case !c.session.admin:
		return swNotAllowed
	case len(d) > 0 && d[0] != c.state.Management.Algorithm && c.knobs.oneManagementKind:
		return swWrongData
	case len(d) > 0 && d[0] != Alg3DES && !c.character.since(5, 4):
		return swWrongData
	case len(d) < 3 || d[1] != slotManagement || int(d[2]) != len(d)-3 || keyBytes(d[0]) != len(d)-3:
		return swWrongData
	}
	touch := byte(TouchNever)
	if cmd.p2 == 0xfe {
		touch = TouchAlways
	}
	key := append([]byte(nil), cmd.data[3:]...)
	c.state.Management = managementKey{Algorithm: cmd.data[0], Key: key, Touch: touch}
	return swOK
}

// setRetries sets the numbers of tries, and PIN and PUK back to their defaults.
func (c *Card) setRetries(cmd command) int {
	switch {
	case !c.session.admin || !c.session.pin:
		return swNotAllowed
	case cmd.p1 == 0 || cmd.p2 == 0:
		return swWrongData
	}
	c.state.PIN, c.state.PUK = newSecret(DefaultPIN, int(cmd.p1)), newSecret(DefaultPUK, int(cmd.p2))
	return swOK
}

// reset makes the card as new, once both PIN and PUK are blocked.
func (c *Card) reset() int {
	if c.state.PIN.Left > 0 || c.state.PUK.Left > 0 {
		return swConditions
	}
	fresh := newState(c.character, c.state.Serial)
	fresh.AttestationRoot = c.state.AttestationRoot
	fresh.Slots[slotAttestation] = c.state.Slots[slotAttestation]
	fresh.Objects.put(objAttestation, c.state.Objects.get(objAttestation))
	c.state = fresh
	c.enter(pivApplication)
	return swOK
}
