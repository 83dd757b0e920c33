//go:build !linux && !windows && !(darwin && cgo)

package keychain

import (
	"context"
	"fmt"
	"runtime"
)

// System returns a keychain that is absent: the macOS Keychain needs cgo, and
// other systems have none that keybroker knows.
func System(dir string) Keychain { return absent{} }

type absent struct{}

var errUnsupported = fmt.Errorf("this build for %s was made without keychain support: %w", runtime.GOOS, ErrAbsent)

func (absent) Name() string                                     { return "none" }
func (absent) Available(context.Context) error                  { return errUnsupported }
func (absent) Load(context.Context, Attributes) ([]byte, error) { return nil, errUnsupported }
func (absent) Store(context.Context, Attributes, []byte) error  { return errUnsupported }
func (absent) Delete(context.Context, Attributes) error         { return errUnsupported }
