//go:build unix

package platform

import (
	"errors"
	"fmt"
	"io/fs"
	"syscall"
)

// OwnedByRoot returns an error unless root owns the file and nobody else can write it.
func OwnedByRoot(info fs.FileInfo) error {
	stat, ok := info.Sys().(*syscall.Stat_t)
	switch {
	case !ok:
		return errors.New("its owner is not known")
	case stat.Uid != 0:
		return fmt.Errorf("user %d owns it, not root", stat.Uid)
	case info.Mode().Perm()&0o022 != 0:
		return fmt.Errorf("others may write it (mode %04o)", info.Mode().Perm())
	}
	return nil
}
