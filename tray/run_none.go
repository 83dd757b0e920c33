//go:build !linux && !windows && !(darwin && cgo)

package tray

import (
	"context"
	"errors"
)

// Run fails: this build has no tray.
func Run(context.Context, Config) error {
	return errors.New("this build has no tray on this system\nuse the commands: keybroker status, pause, lock, grants")
}
