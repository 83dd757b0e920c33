//go:build unix

package platform

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
)

// openWithoutWaiting opens for reading: a FIFO would block until somebody writes.
func openWithoutWaiting(path string) (*os.File, error) {
	return os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK|syscall.O_NOCTTY, 0)
}

// OnlyWeWrite returns an UntrustedError unless this user or root owns the opened file or directory and nobody else may write it.
func OnlyWeWrite(file *os.File) error {
	info, err := file.Stat()
	if err != nil {
		return err
	}
	return weAloneWrite(file.Name(), info)
}

// OnlyWeRead is OnlyWeWrite for a file that nobody else may read either.
func OnlyWeRead(file *os.File) error {
	info, err := file.Stat()
	if err == nil {
		err = weAloneWrite(file.Name(), info)
	}
	if err == nil && info.Mode().Perm()&0o077 != 0 {
		err = &UntrustedError{file.Name(), fmt.Sprintf("is open to others (mode %04o)", info.Mode().Perm()), "run: chmod go= " + ShellWord(file.Name())}
	}
	return err
}

func weAloneWrite(path string, info fs.FileInfo) error {
	stat, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return &UntrustedError{path, "has an owner who is not known", "check it: ls -ld " + ShellWord(path)}
	}
	if stat.Uid != 0 && int(stat.Uid) != os.Geteuid() {
		return &UntrustedError{path, fmt.Sprintf("belongs to uid %d, who is neither root nor the user who runs this (uid %d)", stat.Uid, os.Geteuid()),
			"check it: ls -ld " + ShellWord(path)}
	}
	if othersWrite(info.Mode(), stat.Gid) {
		return &UntrustedError{path, fmt.Sprintf("may be written by others (mode %04o)", info.Mode().Perm()), "run: chmod go-w " + ShellWord(path)}
	}
	return nil
}

// othersWrite accepts the group that systems give to each user alone, whose
// number is the user's: editors leave files writable to it under umask 002.
func othersWrite(mode fs.FileMode, group uint32) bool {
	return mode&0o002 != 0 || mode&0o020 != 0 && int(group) != os.Geteuid()
}

// CheckTrustedProgram returns an error with a remedy if somebody other than this user and
// root may write the program's file, or anybody may replace it. A group that may write
// the directory, such as Debian's staff in /usr/local, is taken as its owner's choice.
func CheckTrustedProgram(path string) error {
	info, err := os.Stat(path)
	if err != nil {
		return err
	}
	if err := weAloneWrite(path, info); err != nil {
		return err
	}
	dir, err := os.Stat(filepath.Dir(path))
	if err == nil && dir.Mode()&0o002 != 0 && dir.Mode()&fs.ModeSticky == 0 {
		return &UntrustedError{filepath.Dir(path), fmt.Sprintf("may be written by everybody (mode %04o)", dir.Mode().Perm()), "run: chmod o-w " + ShellWord(filepath.Dir(path))}
	}
	return err
}

// CheckTrustedDir returns an error with a remedy if somebody other than this user and
// root could put files into dir or, while it is missing, into the directory in which it
// would be made. For root it also checks every directory above: otherwise a broker that
// root runs with a user's HOME would write wherever that user's links lead.
func CheckTrustedDir(dir string) error {
	there, err := firstThere(dir)
	if err != nil {
		return err
	}
	if os.Geteuid() != 0 {
		return trustedDir(there)
	}
	real, err := filepath.EvalSymlinks(there)
	if err != nil {
		return err
	}
	for _, path := range []string{there, real} { // the links themselves lie above there
		for last := ""; path != last; last, path = path, filepath.Dir(path) {
			if err := trustedDir(path); err != nil {
				return err
			}
		}
	}
	return nil
}

// firstThere is dir, or the first directory above it that is there.
func firstThere(dir string) (string, error) {
	for {
		_, err := os.Stat(dir)
		if err == nil || !errors.Is(err, fs.ErrNotExist) || filepath.Dir(dir) == dir {
			return dir, err
		}
		dir = filepath.Dir(dir)
	}
}

// trustedDir accepts /tmp and the like: where the sticky bit is set, others cannot
// remove our files.
func trustedDir(dir string) error {
	info, err := os.Stat(dir)
	if err != nil {
		return err
	}
	if info.Mode()&fs.ModeSticky != 0 && ownedByUs(info) {
		return nil
	}
	return weAloneWrite(dir, info)
}

func ownedByUs(info fs.FileInfo) bool {
	stat, ok := info.Sys().(*syscall.Stat_t)
	return ok && (stat.Uid == 0 || int(stat.Uid) == os.Geteuid())
}
