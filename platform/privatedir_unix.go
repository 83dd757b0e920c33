//go:build unix

package platform

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"syscall"

	"github.com/keybroker/keybroker/problem"
)

// privateDir makes dir if it is missing, and accepts it only if no other user can reach
// into it. It does not check the directories above: only this user, root, or whoever
// chose the path can rename those.
func privateDir(dir string) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	return CheckPrivateDir(dir)
}

// CheckPrivateDir is privateDir for a reader: it makes nothing, and accepts a directory
// that is missing, and one of root's in which nobody else may write.
func CheckPrivateDir(dir string) error {
	info, err := os.Lstat(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	if !info.IsDir() {
		return problem.With(fmt.Errorf("%s is %s, not a directory", dir, kindOf(info.Mode())), "name the directory itself")
	}
	uid := info.Sys().(*syscall.Stat_t).Uid
	if uid == 0 && os.Getuid() != 0 && info.Mode().Perm()&0o022 == 0 {
		return nil
	}
	if int(uid) != os.Getuid() {
		return problem.With(fmt.Errorf("%s belongs to uid %d, not to you", dir, uid), "choose a directory of your own")
	}
	if perm := info.Mode().Perm(); perm&0o077 != 0 {
		return problem.With(fmt.Errorf("%s is open to other users (mode %04o)", dir, perm), "run: chmod 700 %s", ShellWord(dir))
	}
	return nil
}

func kindOf(mode fs.FileMode) string {
	switch mode.Type() {
	case 0:
		return "a file"
	case fs.ModeDir:
		return "a directory"
	case fs.ModeSymlink:
		return "a symbolic link"
	}
	return "a special file"
}
