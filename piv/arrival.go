//go:build !nopcsc && ((linux && (386 || amd64 || arm || arm64 || loong64 || ppc64le || riscv64)) || ((darwin || windows) && (amd64 || arm64)))

package piv

import (
	"errors"
	"io/fs"
	"path/filepath"

	"github.com/keybroker/keybroker/platform"
)

// arrival watches the directory of pcscd's socket. Without that directory it watches the
// next one above it.
func (service) arrival() (*arrival, error) {
	awaited := ServiceSocket()
	for {
		dir := filepath.Dir(awaited)
		watch, err := platform.WatchDir(dir)
		if err == nil {
			return &arrival{watch, awaited}, nil
		}
		if dir == awaited || !errors.Is(err, fs.ErrNotExist) {
			return nil, err
		}
		awaited = dir
	}
}
