package piv

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
)

// Yubico's instructions. A card that lacks one answers 6D00.
const (
	insGetMetadata = 0xF7 // firmware 5.3
	insGetSerial   = 0xF8 // firmware 5.0
	insAttest      = 0xF9 // firmware 4.3
	insGetVersion  = 0xFD

	insSetManagementKey = 0xFF
)

// ErrNotOffered means that the card lacks this instruction: it is not a YubiKey, or
// has older firmware. It never stands for a failure of the card.
var ErrNotOffered = errors.New("not offered by this card")

// Version is a YubiKey's firmware version.
type Version struct{ Major, Minor, Patch byte }

func (v Version) String() string { return fmt.Sprintf("%d.%d.%d", v.Major, v.Minor, v.Patch) }

// AtLeast compares major and minor.
func (v Version) AtLeast(major, minor byte) bool {
	return v.Major > major || (v.Major == major && v.Minor >= minor)
}

// yubico sends one of Yubico's instructions. The error wraps ErrNotOffered if the
// card lacks it, and StatusNotFound if the key does not exist.
func (a *Applet) yubico(ctx context.Context, c command) ([]byte, error) {
	data, err := a.call(ctx, c)
	if absent(err) {
		return nil, err
	}
	if notOffered(err) {
		return nil, fmt.Errorf("instruction %02X: %w", c.ins, ErrNotOffered)
	}
	return data, err
}

// Version reads the firmware version.
func (a *Applet) Version(ctx context.Context) (Version, error) {
	data, err := a.yubico(ctx, command{ins: insGetVersion, want: shortAnswer})
	if err != nil {
		return Version{}, err
	}
	if len(data) != 3 {
		return Version{}, fmt.Errorf("version: %w", ErrBadResponse)
	}
	return Version{data[0], data[1], data[2]}, nil
}

// Serial reads the serial number that is printed on the key.
func (a *Applet) Serial(ctx context.Context) (uint32, error) {
	data, err := a.yubico(ctx, command{ins: insGetSerial, want: shortAnswer})
	if err != nil {
		return 0, err
	}
	if len(data) != 4 {
		return 0, fmt.Errorf("serial: %w", ErrBadResponse)
	}
	return binary.BigEndian.Uint32(data), nil
}

// Attest returns the DER certificate that the card makes for a key that it generated,
// signed by slot F9, with Yubico's extensions. The error wraps StatusNotFound or
// another Status if there is no such key.
func (a *Applet) Attest(ctx context.Context, slot Slot) ([]byte, error) {
	data, err := a.yubico(ctx, command{ins: insAttest, p1: byte(slot), want: longAnswer})
	if err != nil {
		return nil, err
	}
	if len(data) > maxCertificate {
		return nil, fmt.Errorf("attestation of more than %d bytes", maxCertificate)
	}
	return data, nil
}

// AttestationCertificate reads the certificate of the attestation key.
func (a *Applet) AttestationCertificate(ctx context.Context) (Certificate, error) {
	data, err := a.object(ctx, 0x5FFF01)
	if err != nil {
		return Certificate{}, fmt.Errorf("attestation certificate: %w", err)
	}
	return parseCertificateObject(data)
}
