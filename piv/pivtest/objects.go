package pivtest

import (
	"bytes"
	"compress/gzip"
	"compress/zlib"
	"encoding/hex"
	"io"
	"slices"
)

// Data objects (SP 800-73-5 part 1, table 3).
const (
	objDiscovery   = 0x7e
	objBITGroup    = 0x7f61
	objCCC         = 0x5fc107
	objCHUID       = 0x5fc102
	objKeyHistory  = 0x5fc10c
	objPrinted     = 0x5fc109
	objAttestation = 0x5fff01 // Yubico's
	objRetired     = 0x5fc10d // … to 5FC120
)

// maxObject is the size of a YubiKey's biggest object.
const maxObject = 3052

// pinToRead: finger prints, facial image, printed information, iris.
func pinToRead(tag uint32) bool {
	return slices.Contains([]uint32{0x5fc103, 0x5fc108, objPrinted, 0x5fc121}, tag)
}

// certificateObject is the object with the certificate of a slot; 0: not a slot.
func certificateObject(slot byte) uint32 {
	switch slot {
	case 0x9a:
		return 0x5fc105
	case 0x9c:
		return 0x5fc10a
	case 0x9d:
		return 0x5fc10b
	case 0x9e:
		return 0x5fc101
	case slotAttestation:
		return objAttestation
	}
	if slot >= 0x82 && slot <= 0x95 {
		return objRetired + uint32(slot-0x82)
	}
	return 0
}

// objects maps a tag to the content. In JSON the tag is its hex digits.
type objects map[string][]byte

func (o objects) get(tag uint32) []byte { return o[hex.EncodeToString(tagBytes(tag))] }

func (o objects) put(tag uint32, content []byte) {
	name := hex.EncodeToString(tagBytes(tag))
	if len(content) == 0 {
		delete(o, name)
		return
	}
	o[name] = append([]byte(nil), content...)
}

// getData is GET DATA (SP 800-73-5 part 2, section 3.1.2).
func (c *Card) getData(cmd command) ([]byte, int) {
	if cmd.p1 != 0x3f || cmd.p2 != 0xff {
		return nil, swWrongP1P2
	}
	tag, list, rest, ok := readTLV(cmd.data)
	if !ok || tag != 0x5c || len(rest) > 0 || len(list) == 0 || len(list) > 3 {
		return nil, swWrongData
	}
	wanted := tagOf(list)
	if pinToRead(wanted) && !c.session.pin {
		return nil, swNotAllowed
	}
	content := c.garble(wanted, c.state.Objects.get(wanted))
	switch {
	case content == nil:
		return nil, swNotFound
	case isBare(wanted):
		return tlv(wanted, content), swOK
	}
	return tlv(0x53, content), swOK
}

// isBare: these two go without the tag 53.
func isBare(tag uint32) bool { return tag == objDiscovery || tag == objBITGroup }

// putData is PUT DATA (section 3.3.1).
func (c *Card) putData(cmd command) int {
	switch {
	case cmd.p1 != 0x3f || cmd.p2 != 0xff:
		return swWrongP1P2
	case !c.session.admin:
		return swNotAllowed
	}
	tag, value, rest, ok := readTLV(cmd.data)
	if ok && isBare(tag) && len(rest) == 0 {
		c.state.Objects.put(tag, value)
		return swOK
	}
	if !ok || tag != 0x5c || len(value) == 0 || len(value) > 3 {
		return swWrongData
	}
	inner, content, after, ok := readTLV(rest)
	if !ok || inner != 0x53 || len(after) > 0 || len(content) > maxObject {
		return swWrongData
	}
	c.state.Objects.put(tagOf(value), content)
	return swOK
}

// certificateContent is what a certificate's object holds (part 1, table 10).
func certificateContent(der []byte, how Certificate) []byte {
	var b bytes.Buffer
	var w io.WriteCloser
	switch {
	case how.Gzip:
		w = gzip.NewWriter(&b)
	case how.Zlib:
		w = zlib.NewWriter(&b)
	case how.NetID:
		b.Write([]byte{0x01, 0x00, byte(len(der)), byte(len(der) >> 8)})
		w = zlib.NewWriter(&b)
	default:
		return bytes.Join([][]byte{tlv(0x70, der), tlv(0x71, []byte{0}), tlv(0xfe)}, nil)
	}
	w.Write(der) // into memory: cannot fail
	w.Close()
	packed := tlv(0x70, b.Bytes())
	if how.NetID {
		packed = append([]byte{0x70, 0x83, 0, byte(b.Len() >> 8), byte(b.Len())}, b.Bytes()...)
	}
	return bytes.Join([][]byte{packed, tlv(0x71, []byte{1}), tlv(0xfe)}, nil)
}
