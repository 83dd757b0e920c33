//go:build !windows

package audit

import (
	"errors"
	"io/fs"
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
	if err := lock(file); err != nil {
		return nil, err
	}
	// For Holder. If this cannot be written, Append will fail and say so.
	_ = file.Truncate(0)
	_, _ = file.WriteAt(strconv.AppendInt(nil, int64(os.Getpid()), 10), 0)
	return file, nil
}

// lock closes the file where it cannot take its lock.
func lock(file *os.File) error {
	err := syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	if err == nil {
		return nil
	}
	file.Close()
	if errors.Is(err, syscall.EWOULDBLOCK) {
		return ErrInUse
	}
	return &os.PathError{Op: "lock", Path: file.Name(), Err: err}
}

// lockDir locks the directory itself: a start on a full disk may have no room for a lock
// file. It returns nil where the file system locks no directory (NFS).
func lockDir(dir string) (*os.File, error) {
	file, err := os.OpenFile(dir, os.O_RDONLY|syscall.O_DIRECTORY|safeOpenFlags, 0)
	if err != nil {
		return nil, err
	}
	if err := lock(file); errors.Is(err, ErrInUse) {
		return nil, err
	} else if err != nil {
		return nil, nil
	}
	return file, nil
}

// lockReadOnly is openLock on a disk that cannot be written. It returns nil where there
// is no file to lock.
func lockReadOnly(path string) (*os.File, error) {
	file, err := openOwn(path, os.O_RDONLY)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	if err := lock(file); err != nil {
		return nil, err
	}
	return file, nil
}

// isUnwritable reports whether nothing can be written for now, for a reason that is not
// the log's own.
func isUnwritable(err error) bool {
	return errors.Is(err, syscall.EROFS) || errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT)
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
