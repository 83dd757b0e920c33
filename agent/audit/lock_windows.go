package audit

import (
	"errors"
	"os"
	"syscall"
)

// errSharing is ERROR_SHARING_VIOLATION.
const errSharing = syscall.Errno(32)

// openLock takes the writer's lock on path: a file that is open without a share
// mode cannot be opened again. Windows closes it when the process ends.
func openLock(path string) (*os.File, error) {
	name, err := syscall.UTF16PtrFromString(path)
	if err != nil {
		return nil, err
	}
	handle, err := syscall.CreateFile(name, syscall.GENERIC_READ|syscall.GENERIC_WRITE, 0, nil,
		syscall.OPEN_ALWAYS, syscall.FILE_ATTRIBUTE_NORMAL, 0)
	if errors.Is(err, errSharing) {
		return nil, ErrInUse
	}
	if err != nil {
		return nil, &os.PathError{Op: "lock", Path: path, Err: err}
	}
	return os.NewFile(uintptr(handle), path), nil
}

// lockDir has no lock: Windows locks no directory.
func lockDir(string) (*os.File, error) { return nil, nil }

// lockReadOnly has no lock: a disk that cannot be written has no second writer.
func lockReadOnly(string) (*os.File, error) { return nil, nil }

// isUnwritable reports whether nothing can be written for now, for a reason that is not
// the log's own: ERROR_WRITE_PROTECT, ERROR_HANDLE_DISK_FULL, ERROR_DISK_FULL.
func isUnwritable(err error) bool {
	return errors.Is(err, syscall.Errno(19)) || errors.Is(err, syscall.Errno(39)) || errors.Is(err, syscall.Errno(112))
}

// Holder cannot tell: nobody can open the lock while it is held.
func Holder(string) (pid int, held bool) { return 0, false }

// syncDir does nothing: NTFS journals file names, and flushing a directory needs
// further rights.
func syncDir(string) error { return nil }
