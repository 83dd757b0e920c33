//go:build !windows

package audit

import (
	"errors"
	"os"
	"syscall"
)

// openLock takes the writer's lock on path. The kernel drops it when the
// process ends, however it ends.
func openLock(path string) (*os.File, error) {
	file, err := openOwn(path, os.O_RDWR|os.O_CREATE)
	if err != nil {
		return nil, err
	}
	if err := syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		file.Close()
		if errors.Is(err, syscall.EWOULDBLOCK) {
			return nil, ErrInUse
		}
		return nil, wrap(&os.PathError{Op: "lock", Path: path, Err: err})
	}
	return file, nil
}

// syncDir makes the names in dir survive a power cut.
func syncDir(dir string) error {
	file, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer file.Close()
	return file.Sync()
}
