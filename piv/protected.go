package piv

import (
	"context"
	"errors"
	"fmt"
)

// Where a YubiKey keeps a management key that the PIN protects, as ykman, piv-go and
// yubikey-agent do: the key is in the Printed Information object, which cannot be
// read without the PIN, and a mark is in Yubico's administrator data.
const (
	objectPrinted   tag = 0x5FC109
	objectAdminData tag = 0x5FFF00

	tagProtected tag = 0x88 // the object: PIN-protected data
	tagKey       tag = 0x89 // in it: the management key
	tagAdmin     tag = 0x80 // administrator data
	tagFlags     tag = 0x81 // in it: one byte

	flagStored = 0x02 // the management key is on the card
)

// ErrOccupied means that the object for the management key holds something else.
var ErrOccupied = errors.New("the object for a PIN-protected management key holds something else")

// ProtectedManagementKey reads the management key that the PIN protects; the caller
// wipes it. It needs Verify right before. The error wraps StatusNotFound if there
// is none, and ErrOccupied if the object holds something else.
func (a *Applet) ProtectedManagementKey(ctx context.Context) ([]byte, error) {
	data, err := a.object(ctx, objectPrinted)
	if err != nil {
		return nil, fmt.Errorf("PIN-protected management key: %w", err)
	}
	defer clear(data)
	inner, ok := find(data, tagProtected)
	if !ok {
		return nil, ErrOccupied
	}
	key, ok := find(inner, tagKey)
	if !ok || len(key) == 0 {
		return nil, fmt.Errorf("PIN-protected management key: %w", StatusNotFound)
	}
	return append([]byte(nil), key...), nil
}

// PutProtectedManagementKey stores key on the card and keeps the object's other
// elements. It needs Verify and AuthenticateManagement right before.
func (a *Applet) PutProtectedManagementKey(ctx context.Context, key []byte) error {
	inner, err := a.protectedBeside(ctx)
	if err != nil {
		return err
	}
	inner = appendTLV(inner, tagKey, key)
	content := appendTLV(nil, tagProtected, inner)
	defer func() { clear(inner); clear(content) }()
	if err := a.put(ctx, objectPrinted, content); err != nil {
		return fmt.Errorf("keep management key: %w", err)
	}
	return nil
}

// DropProtectedManagementKey removes that key from the card and keeps the object's
// other elements. It needs Verify and AuthenticateManagement right before.
func (a *Applet) DropProtectedManagementKey(ctx context.Context) error {
	inner, err := a.protectedBeside(ctx)
	if err != nil {
		return err
	}
	var content []byte
	if len(inner) > 0 {
		content = appendTLV(nil, tagProtected, inner)
	}
	if err := a.put(ctx, objectPrinted, content); err != nil {
		return fmt.Errorf("drop management key: %w", err)
	}
	return nil
}

// protectedBeside returns the object's elements other than the key.
func (a *Applet) protectedBeside(ctx context.Context) ([]byte, error) {
	data, err := a.object(ctx, objectPrinted)
	if absent(err) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("keep management key: %w", err)
	}
	defer clear(data)
	inner, ok := find(data, tagProtected)
	if !ok {
		return nil, ErrOccupied
	}
	return without(inner, tagKey)
}

// without copies the elements of data, except those with the tag drop.
func without(data []byte, drop tag) (kept []byte, err error) {
	for rest := data; len(rest) > 0; {
		t, value, next, err := readTLV(rest)
		if err != nil {
			return nil, err
		}
		if rest = next; t != drop {
			kept = appendTLV(kept, t, value)
		}
	}
	return kept, nil
}

// ManagementKeyMarked reports whether the card's administrator data mark the management
// key as stored on the card.
func (a *Applet) ManagementKeyMarked(ctx context.Context) (bool, error) {
	flags, _, err := a.adminData(ctx)
	return flags&flagStored != 0, err
}

// MarkManagementKey sets that mark, which makes ykman ask for the PIN only. It needs
// AuthenticateManagement right before.
func (a *Applet) MarkManagementKey(ctx context.Context) error {
	flags, beside, err := a.adminData(ctx)
	if err != nil {
		return err
	}
	inner := append(appendTLV(nil, tagFlags, []byte{flags | flagStored}), beside...)
	if err := a.put(ctx, objectAdminData, appendTLV(nil, tagAdmin, inner)); err != nil {
		return fmt.Errorf("mark management key: %w", err)
	}
	return nil
}

// adminData reads the flags and the other elements. A damaged object counts as none.
func (a *Applet) adminData(ctx context.Context) (flags byte, beside []byte, err error) {
	data, err := a.object(ctx, objectAdminData)
	if absent(err) || notOffered(err) {
		return 0, nil, nil
	}
	if err != nil {
		return 0, nil, fmt.Errorf("administrator data: %w", err)
	}
	inner, _ := find(data, tagAdmin)
	if value, ok := find(inner, tagFlags); ok && len(value) == 1 {
		flags = value[0]
	}
	beside, err = without(inner, tagFlags)
	if err != nil {
		return flags, nil, nil
	}
	return flags, beside, nil
}
