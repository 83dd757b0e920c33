package piv

import (
	"bytes"
	"context"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"fmt"
)

// identityOf names the card by its first unique number.
func identityOf(t *Token) string {
	switch {
	case t.GUID != GUID{}:
		return "guid:" + t.GUID.String()
	case t.FASCN != "":
		return "fasc-n:" + t.FASCN
	case t.Serial != 0:
		return fmt.Sprintf("serial:%d", t.Serial)
	}
	for _, slot := range t.Slots {
		if spki, err := x509.MarshalPKIXPublicKey(slot.PublicKey); err == nil {
			sum := sha256.Sum256(spki)
			return "key:" + hex.EncodeToString(sum[:16])
		}
	}
	return ""
}

// isSame reads the number that Describe named the card by, which is the cheapest
// way to notice a swapped card. A card without any number passes, because nothing
// distinguishes it from another.
func (a *Applet) isSame(ctx context.Context, t *Token) (bool, error) {
	chuid, err := a.chuidStart(ctx)
	if fatal(err) {
		return false, err
	}
	if t.numbered() {
		return t.has(chuid), nil
	}
	if t.Serial != 0 {
		serial, err := a.Serial(ctx)
		return serial == t.Serial, fatalOnly(err)
	}
	for _, slot := range t.Slots {
		if slot.Certificate != nil {
			cert, err := a.Certificate(ctx, slot.Slot)
			return err == nil && bytes.Equal(cert.DER, slot.Certificate.Raw), fatalOnly(err)
		}
	}
	return true, nil
}
