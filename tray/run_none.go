//go:build !linux && !windows && !(darwin && cgo)

package tray

import (
	"context"

	"github.com/keybroker/keybroker/problem"
)

// Run fails: this build has no tray.
func Run(context.Context, Config) error {
	return problem.New("this build has no tray on this system", "use the commands: keybroker status, pause, lock, grants")
}
