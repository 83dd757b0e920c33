//go:build unix

package platform

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"syscall"
)

// OwnedByRoot returns an error, with the remedy on its next line, unless root
// owns the opened file and nobody else can write it.
func OwnedByRoot(file *os.File) error {
	info, err := file.Stat()
	if err == nil {
		err = onlyRootWrites(info)
	}
	if err != nil {
		return fmt.Errorf("%w\nas root: chown root %[2]s && chmod 644 %[2]s", err, file.Name())
	}
	return nil
}

func onlyRootWrites(info fs.FileInfo) error {
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
