//go:build !windows

package audit

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"syscall"

	"github.com/keybroker/keybroker/platform"
	"github.com/keybroker/keybroker/problem"
)

// safeOpenFlags are for every open in the log's directory. A link there could make
// a broker that runs as root append to one of root's files; opening a FIFO would
// block.
const safeOpenFlags = syscall.O_NOFOLLOW | syscall.O_NONBLOCK | syscall.O_NOCTTY

// openFile opens a regular file of the log and follows no link.
func openFile(path string, flags int) (*os.File, error) {
	file, err := os.OpenFile(path, flags|safeOpenFlags, fileMode)
	if errors.Is(err, syscall.ELOOP) {
		return nil, problem.With(fmt.Errorf("%s is a symbolic link, which is not followed", path), "replace it with the file itself")
	}
	if err != nil {
		return nil, err
	}
	info, err := file.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = problem.With(fmt.Errorf("%s is not a regular file", path), "move it away: mv %s %s", platform.ShellWord(path), platform.ShellWord(path+".other"))
	}
	if err != nil {
		file.Close()
		return nil, err
	}
	return file, nil
}

// openOwn is openFile for writing. The file must belong to this user and have no
// second name, under which others could read it or use it for something else.
func openOwn(path string, flags int) (*os.File, error) {
	file, err := openFile(path, flags)
	if err != nil {
		return nil, err
	}
	if err := checkOwner(file); err != nil {
		file.Close()
		return nil, err
	}
	return file, nil
}

func checkOwner(file *os.File) error {
	info, err := file.Stat()
	if err != nil {
		return err
	}
	stat := info.Sys().(*syscall.Stat_t)
	if int(stat.Uid) != os.Geteuid() {
		return problem.With(fmt.Errorf("%s belongs to uid %d, not to the user who runs this (uid %d)", file.Name(), stat.Uid, os.Geteuid()), "run this as its owner, or give it another directory (the log's is below XDG_STATE_HOME)")
	}
	if !info.IsDir() && stat.Nlink > 1 {
		return problem.With(fmt.Errorf("%s has a second name (a hard link), and may be another program's file", file.Name()),
			"copy it: cp -p %s %[1]s.copy && mv %[1]s.copy %[1]s", file.Name())
	}
	return nil
}

// restrictDir gives access to the directory at path to this user only. It must not
// be a link.
func restrictDir(path string) error {
	dir, err := os.OpenFile(path, os.O_RDONLY|syscall.O_DIRECTORY|safeOpenFlags, 0)
	if errors.Is(err, syscall.ELOOP) || errors.Is(err, syscall.ENOTDIR) {
		return problem.With(fmt.Errorf("%s is not a directory (links are not followed)", path), "make it a directory, or move the whole state directory: XDG_STATE_HOME")
	}
	if err != nil {
		return err
	}
	defer dir.Close()
	if err := checkOwner(dir); err != nil {
		return err
	}
	info, err := dir.Stat()
	if err == nil && info.Mode().Perm() != fs.FileMode(dirMode) {
		err = dir.Chmod(dirMode)
	}
	if err != nil {
		return fmt.Errorf("the directory is open to others: %w", err)
	}
	return nil
}

// truncate cuts file to size.
func truncate(file *os.File, size int64) error { return file.Truncate(size) }
