package piv

import (
	"bytes"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"time"
)

// Tags of data objects (SP 800-73-4 part 1 table 3).
const (
	objectCHUID      tag = 0x5FC102
	objectCCC        tag = 0x5FC107
	objectDiscovery  tag = 0x7E
	objectKeyHistory tag = 0x5FC10C
)

// maxText bounds a card's text for display.
const maxText = 128

// GUID is the card's number in its CHUID (RFC 4122); zero means none.
type GUID [16]byte

func (g GUID) String() string {
	h := hex.EncodeToString(g[:])
	return h[:8] + "-" + h[8:12] + "-" + h[12:16] + "-" + h[16:20] + "-" + h[20:]
}

// CHUID is the Card Holder Unique Identifier (SP 800-73-4 part 1 section 3.1.2).
// Its signature is not checked: anyone could copy it anyway.
type CHUID struct {
	GUID    GUID
	FASCN   []byte    // 25 bytes; nil if all zero or absent
	Expires time.Time // zero if invalid
}

func (c CHUID) equal(other CHUID) bool {
	return c.GUID == other.GUID && bytes.Equal(c.FASCN, other.FASCN) && c.Expires.Equal(other.Expires)
}

// CHUID reads the card's identifier.
func (a *Applet) CHUID(ctx context.Context) (CHUID, error) {
	data, err := a.object(ctx, objectCHUID)
	if err != nil {
		return CHUID{}, fmt.Errorf("CHUID: %w", err)
	}
	return parseCHUID(data), nil
}

func parseCHUID(data []byte) CHUID {
	var id CHUID
	if guid, ok := find(data, 0x34); ok && len(guid) == len(id.GUID) {
		id.GUID = GUID(guid)
	}
	if fascn, ok := find(data, 0x30); ok && len(bytes.Trim(fascn, "\x00")) > 0 {
		id.FASCN = bytes.Clone(fascn)
	}
	if date, ok := find(data, 0x35); ok {
		id.Expires, _ = time.Parse("20060102", string(date))
	}
	return id
}

// chuidStart reads the first response of the CHUID only: the numbers come first, and
// a long signature last. Missing fields are zero.
func (a *Applet) chuidStart(ctx context.Context) (CHUID, error) {
	data, err := a.link.first(ctx, getData(objectCHUID))
	if err != nil {
		return CHUID{}, err
	}
	if len(data) > 0 && data[0] == 0x53 {
		if _, body, err := readLength(data[1:]); err == nil {
			return parseCHUID(body), nil
		}
	}
	return CHUID{}, errTLV
}

// CardIdentifier reads the card identifier of the Card Capability Container
// (SP 800-73-4 part 1 section 3.1.1): 21 bytes that are unique for many cards.
func (a *Applet) CardIdentifier(ctx context.Context) ([]byte, error) {
	data, err := a.object(ctx, objectCCC)
	if err != nil {
		return nil, fmt.Errorf("CCC: %w", err)
	}
	return required(data, 0xF0)
}

// Discovery says which PINs the card accepts (SP 800-73-4 part 1 section 3.3.2).
type Discovery struct {
	ApplicationPIN bool // key reference 80 satisfies the PIV access rules
	GlobalPIN      bool // key reference 00 does
	PreferGlobal   bool // the cardholder prefers the global PIN
}

// Discovery reads the Discovery Object. A card without one has the application
// PIN only.
func (a *Applet) Discovery(ctx context.Context) (Discovery, error) {
	data, err := a.object(ctx, objectDiscovery)
	if absent(err) || notOffered(err) {
		return Discovery{ApplicationPIN: true}, nil
	}
	if err != nil {
		return Discovery{}, fmt.Errorf("discovery object: %w", err)
	}
	policy, ok := find(data, 0x5F2F)
	if !ok || len(policy) != 2 {
		return Discovery{}, fmt.Errorf("discovery object: %w: no PIN usage policy", errTLV)
	}
	return Discovery{
		ApplicationPIN: policy[0]&0x40 != 0,
		GlobalPIN:      policy[0]&0x20 != 0,
		PreferGlobal:   policy[1] == 0x20,
	}, nil
}

// reference returns the PIN to ask for.
func (d Discovery) reference() PINReference {
	if d.GlobalPIN && (d.PreferGlobal || !d.ApplicationPIN) {
		return PINGlobal
	}
	return PINApplication
}

// KeyHistory counts the retired keys on the card, and those that are only
// certificates elsewhere (SP 800-73-4 part 1 section 3.3.3).
type KeyHistory struct{ OnCard, OffCard int }

// KeyHistory reads the Key History Object; zero if there is none.
func (a *Applet) KeyHistory(ctx context.Context) (KeyHistory, error) {
	data, err := a.object(ctx, objectKeyHistory)
	if absent(err) {
		return KeyHistory{}, nil
	}
	if err != nil {
		return KeyHistory{}, fmt.Errorf("key history: %w", err)
	}
	on, _ := find(data, 0xC1)
	off, _ := find(data, 0xC2)
	if len(on) != 1 || len(off) != 1 {
		return KeyHistory{}, errors.New("key history: no counts")
	}
	return KeyHistory{OnCard: int(on[0]), OffCard: int(off[0])}, nil
}

// printable keeps the printable ASCII characters of a card's text.
func printable(text []byte) string {
	text = text[:min(len(text), maxText)]
	return strings.Map(func(r rune) rune {
		if r < ' ' || r > '~' {
			return -1
		}
		return r
	}, string(text))
}
