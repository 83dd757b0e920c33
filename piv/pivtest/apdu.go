package pivtest

import (
	"encoding/binary"
	"errors"
)

// Instructions: SP 800-73-5 part 2, table 2, and Yubico's own.
const (
	insVerify        = 0x20
	insChange        = 0x24
	insResetRetry    = 0x2c
	insGenerate      = 0x47
	insAuthenticate  = 0x87
	insSelect        = 0xa4
	insGetResponse   = 0xc0
	insGetData       = 0xcb
	insPutData       = 0xdb
	insMoveKey       = 0xf6
	insMetadata      = 0xf7
	insSerial        = 0xf8
	insAttest        = 0xf9
	insSetRetries    = 0xfa
	insReset         = 0xfb
	insVersion       = 0xfd
	insImport        = 0xfe
	insSetManagement = 0xff
)

// Status words (SP 800-73-5 part 2, table 3, and ISO 7816-4).
const (
	swOK               = 0x9000
	swMore             = 0x6100 // + number of bytes waiting
	swWrongPIN         = 0x63c0 // + tries left
	swWrongLength      = 0x6700
	swNoSecureMessages = 0x6882
	swChainBroken      = 0x6883
	swNotAllowed       = 0x6982 // security status not satisfied
	swBlocked          = 0x6983
	swConditions       = 0x6985
	swWrongData        = 0x6a80
	swNotFound         = 0x6a82
	swWrongP1P2        = 0x6a86
	swNoReference      = 0x6a88
	swWrongLe          = 0x6c00 // + the right one
	swNoInstruction    = 0x6d00
	swNoClass          = 0x6e00
	swFault            = 0x6f00
)

// chainBit in CLA: more of this command follows.
const chainBit = 0x10

// A command is a command APDU (ISO 7816-3, section 12.1).
type command struct {
	cla, ins, p1, p2 byte
	data             []byte
	le               int // how many bytes of answer are wanted; 0: no Le field
	extended         bool
}

var errLength = errors.New("pivtest: lengths in the APDU do not fit")

// parseCommand reads the cases 1 to 4, short and extended.
func parseCommand(b []byte) (command, error) {
	if len(b) < 4 {
		return command{}, errLength
	}
	c := command{cla: b[0], ins: b[1], p1: b[2], p2: b[3]}
	body := b[4:]
	switch {
	case len(body) == 0:
		return c, nil
	case len(body) == 1:
		c.le = orMax(int(body[0]), 256)
		return c, nil
	case body[0] == 0 && len(body) >= 3:
		return c.parseExtended(body[1:])
	}
	return c.parseBody(int(body[0]), body[1:], 1)
}

func (c command) parseExtended(body []byte) (command, error) {
	c.extended = true
	n := int(binary.BigEndian.Uint16(body))
	if len(body) == 2 {
		c.le = orMax(n, 65536)
		return c, nil
	}
	return c.parseBody(n, body[2:], 2)
}

// parseBody reads data of n bytes and a Le of leSize bytes or none.
func (c command) parseBody(n int, body []byte, leSize int) (command, error) {
	if n == 0 || len(body) != n && len(body) != n+leSize {
		return c, errLength
	}
	c.data = body[:n]
	switch le := body[n:]; len(le) {
	case 1:
		c.le = orMax(int(le[0]), 256)
	case 2:
		c.le = orMax(int(binary.BigEndian.Uint16(le)), 65536)
	}
	return c, nil
}

// orMax: a Le of 0 stands for the greatest.
func orMax(n, most int) int {
	if n == 0 {
		return most
	}
	return n
}

func status(sw int) []byte { return []byte{byte(sw >> 8), byte(sw)} }
