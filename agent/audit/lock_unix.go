//go:build !windows

package audit

import (
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"syscall"
)

// openLock takes the writer's lock on path. The kernel releases it when the process
// ends in any way.
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
		return nil, &os.PathError{Op: "lock", Path: path, Err: err}
	}
	// For Holder. If this cannot be written, Append will fail and say so.
	_ = file.Truncate(0)
	_, _ = file.WriteAt(strconv.AppendInt(nil, int64(os.Getpid()), 10), 0)
	return file, nil
}

// Holder returns the process that holds the log in dir, if there is one.
func Holder(dir string) (pid int, held bool) {
	file, err := os.OpenFile(filepath.Join(dir, lockName), os.O_RDONLY|syscall.O_NOFOLLOW|syscall.O_NONBLOCK|syscall.O_CLOEXEC, 0)
	if err != nil {
		return 0, false
	}
	defer file.Close()
	if !errors.Is(syscall.Flock(int(file.Fd()), syscall.LOCK_SH|syscall.LOCK_NB), syscall.EWOULDBLOCK) {
		return 0, false
	}
	text := make([]byte, len("2147483647"))
	n, _ := file.Read(text)
	pid, err = strconv.Atoi(string(text[:n]))
	return pid, err == nil && pid > 0
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
