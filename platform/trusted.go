package platform

import (
	"fmt"
	"io"
	"os"

	"github.com/keybroker/keybroker/problem"
)

// UntrustedError means that somebody else owns, may write or may read a file.
type UntrustedError struct {
	Path, What string
	remedy     string
}

func (e *UntrustedError) Error() string { return e.Path + " " + e.What }

// Remedy is what to do about it (see package problem).
func (e *UntrustedError) Remedy() string { return e.remedy }

// ReadRegular reads a regular file of at most limit bytes. A FIFO, a device or a
// directory in its place is an error, without waiting.
func ReadRegular(path string, limit int64) ([]byte, error) {
	return readChecked(path, limit, func(*os.File) error { return nil })
}

// OpenRegular opens a regular file for reading, and returns what it opened. A FIFO, a
// device or a directory in its place is an error, without waiting.
func OpenRegular(path string) (*os.File, os.FileInfo, error) {
	file, err := openWithoutWaiting(path)
	if err != nil {
		return nil, nil, err
	}
	info, err := file.Stat() // of the opened file, so that it cannot be exchanged in between
	if err == nil && !info.Mode().IsRegular() {
		err = problem.With(fmt.Errorf("%s is %s, not a regular file", path, kindOf(info.Mode())), "put the file itself there")
	}
	if err != nil {
		_ = file.Close()
		return nil, nil, err
	}
	return file, info, nil
}

// ReadTrusted is ReadRegular for a file that decides something (configuration,
// certificates): it refuses one that somebody other than this user and root
// owns or may write, as ssh does with its own, by an UntrustedError. A file that
// is missing is fs.ErrNotExist.
func ReadTrusted(path string, limit int64) ([]byte, error) {
	return readChecked(path, limit, OnlyWeWrite)
}

// ReadPrivate is ReadTrusted for a file that nobody else may read either.
func ReadPrivate(path string, limit int64) ([]byte, error) {
	return readChecked(path, limit, OnlyWeRead)
}

// ReadRoots is ReadRegular for a file of the machine's owner: see OwnedByRoot.
func ReadRoots(path string, limit int64) ([]byte, error) {
	return readChecked(path, limit, OwnedByRoot)
}

func readChecked(path string, limit int64, check func(*os.File) error) ([]byte, error) {
	file, _, err := OpenRegular(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	if err := check(file); err != nil {
		return nil, err
	}
	content, err := io.ReadAll(io.LimitReader(file, limit+1))
	if err == nil && int64(len(content)) > limit {
		clear(content)
		return nil, fmt.Errorf("%s has more than %d bytes, which is the most that is read", path, limit)
	}
	return content, err
}
