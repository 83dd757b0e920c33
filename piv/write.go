package piv

import (
	"context"
	"crypto/rand"
	"crypto/x509"
	"encoding/hex"
	"fmt"
)

const insPutData = 0xDB

// put writes a data object with PUT DATA (SP 800-73-4 part 2 section 3.3.1). Empty
// content deletes the object. It needs AuthenticateManagement right before.
func (a *Applet) put(ctx context.Context, object tag, content []byte) error {
	data := appendTLV(nil, 0x5C, appendTag(nil, object))
	data = appendTLV(data, 0x53, content)
	defer clear(data) // one object holds a key
	_, err := a.call(ctx, command{ins: insPutData, p1: 0x3F, p2: 0xFF, data: data})
	return err
}

// PutCertificate writes a slot's certificate uncompressed (SP 800-73-4 part 1 table
// 10). It needs AuthenticateManagement right before.
func (a *Applet) PutCertificate(ctx context.Context, slot Slot, cert *x509.Certificate) error {
	if !slot.Valid() {
		return fmt.Errorf("write certificate of %s", slot.Name())
	}
	content := appendTLV(nil, 0x70, cert.Raw)
	content = appendTLV(content, 0x71, []byte{0})
	content = appendTLV(content, 0xFE, nil)
	if err := a.put(ctx, slot.object(), content); err != nil {
		return fmt.Errorf("write certificate of slot %s: %w", slot, err)
	}
	return nil
}

// DeleteCertificate deletes a slot's certificate. It needs
// AuthenticateManagement right before.
func (a *Applet) DeleteCertificate(ctx context.Context, slot Slot) error {
	if err := a.put(ctx, slot.object(), nil); err != nil {
		return fmt.Errorf("delete certificate of slot %s: %w", slot, err)
	}
	return nil
}

// The identifiers of non-federal cards.
const (
	// fascnNobody is the FASC-N of such cards (agency 9999, NIST's FICAM guidance).
	fascnNobody = "d4e739da739ced39ce739d836858210842108421c84210c3eb"
	// expiresNever is a date in the far future: the CHUID must have one.
	expiresNever = "20501231"
	// cccPrefix is the GSC RID, manufacturer FF, card type 02 (as for a JavaCard).
	cccPrefix = "a000000116ff02"
)

// PutIdentity writes the CHUID and the CCC with new random numbers if the card lacks
// them, and returns what it wrote. Windows and OpenSC recognize cards by them. It
// needs AuthenticateManagement right before.
func (a *Applet) PutIdentity(ctx context.Context) (wrote []string, err error) {
	for _, object := range []struct {
		name    string
		tag     tag
		content func() []byte
	}{
		{"CHUID", objectCHUID, newCHUID},
		{"CCC", objectCCC, newCCC},
	} {
		_, err := a.object(ctx, object.tag)
		if err == nil {
			continue
		}
		if !absent(err) {
			return wrote, fmt.Errorf("%s: %w", object.name, err)
		}
		if err := a.put(ctx, object.tag, object.content()); err != nil {
			return wrote, fmt.Errorf("write %s: %w", object.name, err)
		}
		wrote = append(wrote, object.name)
	}
	return wrote, nil
}

// newCHUID makes an unsigned CHUID (SP 800-73-4 part 1 table 9) with a random GUID
// (RFC 9562 version 4).
func newCHUID() []byte {
	var guid GUID
	_, _ = rand.Read(guid[:]) // never fails
	guid[6], guid[8] = guid[6]&0x0F|0x40, guid[8]&0x3F|0x80
	content := appendTLV(nil, 0x30, mustHex(fascnNobody))
	content = appendTLV(content, 0x34, guid[:])
	content = appendTLV(content, 0x35, []byte(expiresNever))
	content = appendTLV(content, 0x3E, nil)
	return appendTLV(content, 0xFE, nil)
}

// newCCC makes a CCC (SP 800-73-4 part 1 table 8) with a random card identifier.
func newCCC() []byte {
	id := append(mustHex(cccPrefix), make([]byte, 14)...)
	_, _ = rand.Read(id[7:]) // never fails
	content := appendTLV(nil, 0xF0, id)
	content = appendTLV(content, 0xF1, []byte{0x21})
	content = appendTLV(content, 0xF2, []byte{0x21})
	content = appendTLV(content, 0xF3, nil)
	content = appendTLV(content, 0xF4, []byte{0x00})
	content = appendTLV(content, 0xF5, []byte{0x10})
	for _, empty := range []tag{0xF6, 0xF7, 0xFA, 0xFB, 0xFC, 0xFD, 0xFE} {
		content = appendTLV(content, empty, nil)
	}
	return content
}

func mustHex(digits string) []byte {
	b, err := hex.DecodeString(digits)
	if err != nil {
		panic(err) // a constant of ours
	}
	return b
}
