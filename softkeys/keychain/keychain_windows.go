package keychain

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"unsafe"

	"golang.org/x/sys/windows"

	"github.com/keybroker/keybroker/platform"
)

// System returns the operating system's keychain. On Windows it is DPAPI: the
// system encrypts the secret for this user, and a file in dir holds it.
func System(dir string) Keychain { return dpapi{dir} }

type dpapi struct{ dir string }

func (dpapi) Name() string { return "dpapi" }

func (dpapi) Available(ctx context.Context) error { return ctx.Err() }

func (d dpapi) Load(ctx context.Context, attributes Attributes) ([]byte, error) {
	sealed, err := os.ReadFile(d.file(attributes))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, ErrNotFound
	}
	if err != nil {
		return nil, err
	}
	var plain windows.DataBlob
	in, entropy := blob(sealed), blob([]byte(attributes["vault"]))
	if err := windows.CryptUnprotectData(in, nil, entropy, 0, nil, windows.CRYPTPROTECT_UI_FORBIDDEN, &plain); err != nil {
		return nil, fmt.Errorf("decrypt with DPAPI: %w", err)
	}
	return take(plain), nil
}

func (d dpapi) Store(ctx context.Context, attributes Attributes, secret []byte) error {
	label, err := windows.UTF16PtrFromString("keybroker")
	if err != nil {
		return err
	}
	var sealed windows.DataBlob
	in, entropy := blob(secret), blob([]byte(attributes["vault"]))
	if err := windows.CryptProtectData(in, label, entropy, 0, nil, windows.CRYPTPROTECT_UI_FORBIDDEN, &sealed); err != nil {
		return fmt.Errorf("encrypt with DPAPI: %w", err)
	}
	if err := platform.WriteFileAtomic(d.file(attributes), take(sealed), 0o600); err != nil {
		return err
	}
	return nil
}

func (d dpapi) Delete(ctx context.Context, attributes Attributes) error {
	err := os.Remove(d.file(attributes))
	if errors.Is(err, fs.ErrNotExist) {
		return ErrNotFound
	}
	return err
}

// file is named after the vault. Hex makes any attribute a valid file name.
func (d dpapi) file(attributes Attributes) string {
	return filepath.Join(d.dir, hex.EncodeToString([]byte(attributes["vault"]))+".dpapi")
}

func blob(b []byte) *windows.DataBlob {
	return &windows.DataBlob{Size: uint32(len(b)), Data: unsafe.SliceData(b)}
}

// take copies what the system allocated, and wipes and frees its copy.
func take(b windows.DataBlob) []byte {
	theirs := unsafe.Slice(b.Data, b.Size)
	ours := append([]byte(nil), theirs...)
	clear(theirs)
	windows.LocalFree(windows.Handle(unsafe.Pointer(b.Data)))
	return ours
}
