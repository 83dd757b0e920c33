//go:build unix

package platform

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/keybroker/keybroker/problem"
)

// OwnedByRoot returns an error, with the remedy on its next line, unless root
// owns the opened file and nobody else can write it.
func OwnedByRoot(file *os.File) error {
	info, err := file.Stat()
	if err == nil {
		err = onlyRootWrites(info)
	}
	if err != nil {
		return problem.With(err, "as root: chown root %s && chmod 644 %[1]s", ShellWord(file.Name()))
	}
	return nil
}

// OwnersDirectory returns an error, with the remedy on its next line, when somebody
// other than root could take a file out of dir, or put one there. A directory that
// is missing is nobody's.
func OwnersDirectory(dir string) error {
	info, err := os.Stat(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err == nil {
		err = onlyRootWrites(info)
	}
	if err != nil {
		return problem.With(fmt.Errorf("the directory %s: %w", dir, err), "as root: chown root %s && chmod 755 %[1]s", ShellWord(dir))
	}
	return nil
}

// OnlyRootCanWrite returns why a program of this user could have written the file
// at path, or put another one in its place; nil: only root could. For root itself
// it is always an error.
func OnlyRootCanWrite(path string) error { return onlyRootCanWrite(path, os.Getuid()) }

func onlyRootCanWrite(path string, uid int) error {
	if uid == 0 {
		return errors.New("this process is root's")
	}
	path, err := filepath.Abs(path)
	if err != nil {
		return err
	}
	for range maxLinks {
		link, err := onlyRootMoves(path)
		if link == "" || err != nil {
			return err
		}
		target, err := os.Readlink(link)
		if err != nil {
			return err
		}
		if !filepath.IsAbs(target) {
			target = filepath.Join(filepath.Dir(link), target)
		}
		path = filepath.Join(target, strings.TrimPrefix(path, link))
	}
	return fmt.Errorf("%s: more than %d symbolic links", path, maxLinks)
}

// maxLinks is as many symbolic links as Linux follows (path_resolution(7)).
const maxLinks = 40

// onlyRootMoves checks each part of path from the root to the first symbolic link,
// which it returns: whoever can change a link can put another file in its place.
func onlyRootMoves(path string) (link string, err error) {
	parts := strings.Split(strings.Trim(path, "/"), "/")
	for i := range len(parts) + 1 {
		at := "/" + strings.Join(parts[:i], "/")
		info, err := os.Lstat(at)
		if err != nil {
			return "", err
		}
		symbolic := info.Mode()&os.ModeSymlink != 0              // its mode means nothing
		sticky := info.IsDir() && info.Mode()&os.ModeSticky != 0 // what is root's in it, nobody else moves
		if err := onlyRootWrites(info); err != nil && !((symbolic || sticky) && ownerOf(info) == 0) {
			return "", fmt.Errorf("%s: %w", at, err)
		}
		if symbolic {
			return at, nil
		}
	}
	return "", nil
}

// OwnedByMe reports whether the file is this user's; on Windows, where modes do not say who may
// what, never.
func OwnedByMe(info fs.FileInfo) bool { return ownerOf(info) == os.Getuid() }

func ownerOf(info fs.FileInfo) int {
	if stat, ok := info.Sys().(*syscall.Stat_t); ok {
		return int(stat.Uid)
	}
	return -1
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

// owned reports whether the file is this user's.
func owned(info fs.FileInfo) bool {
	stat, ok := info.Sys().(*syscall.Stat_t)
	return ok && stat.Uid == uint32(os.Geteuid())
}
