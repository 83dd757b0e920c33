//go:build !windows

package audit

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"syscall"

	"github.com/keybroker/keybroker/problem"
)

// unfollowed is for every open in the log's directory. A link there would have
// a broker that root runs append to a file of root's; a FIFO would be waited for.
const unfollowed = syscall.O_NOFOLLOW | syscall.O_NONBLOCK | syscall.O_NOCTTY

// openFile opens a regular file of the log; it follows no link.
func openFile(path string, flags int) (*os.File, error) {
	file, err := os.OpenFile(path, flags|unfollowed, fileMode)
	if errors.Is(err, syscall.ELOOP) {
		return nil, problem.With(fmt.Errorf("%s is a symbolic link, and is not followed", path), "put the file itself there")
	}
	if err != nil {
		return nil, wrap(err)
	}
	info, err := file.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = problem.With(fmt.Errorf("%s is not a regular file", path), "move it away: mv %s %[1]s.other", path)
	}
	if err != nil {
		file.Close()
		return nil, wrap(err)
	}
	return file, nil
}

// openOwn is openFile for a file that is written to: it must be this user's, and have
// no second name, under which it could be somebody else's to read or a file of another purpose.
func openOwn(path string, flags int) (*os.File, error) {
	file, err := openFile(path, flags)
	if err != nil {
		return nil, err
	}
	if err := own(file); err != nil {
		file.Close()
		return nil, err
	}
	return file, nil
}

func own(file *os.File) error {
	info, err := file.Stat()
	if err != nil {
		return wrap(err)
	}
	stat := info.Sys().(*syscall.Stat_t)
	if int(stat.Uid) != os.Geteuid() {
		return problem.With(fmt.Errorf("%s belongs to uid %d, not to the user who runs this (uid %d)", file.Name(), stat.Uid, os.Geteuid()), "start the broker as its owner, or give it another state directory: XDG_STATE_HOME")
	}
	if !info.IsDir() && stat.Nlink > 1 {
		return problem.With(fmt.Errorf("%s has a second name (a hard link), so that it may be something else too", file.Name()),
			"copy it: cp -p %s %[1]s.copy && mv %[1]s.copy %[1]s", file.Name())
	}
	return nil
}

// closeToOthers takes away what others may do in dir, which may be no link.
func closeToOthers(path string) error {
	dir, err := os.OpenFile(path, os.O_RDONLY|syscall.O_DIRECTORY|unfollowed, 0)
	if errors.Is(err, syscall.ELOOP) || errors.Is(err, syscall.ENOTDIR) {
		return problem.With(fmt.Errorf("%s is not a directory itself, and a link is not followed", path), "make it a directory, or move the whole state directory: XDG_STATE_HOME")
	}
	if err != nil {
		return wrap(err)
	}
	defer dir.Close()
	if err := own(dir); err != nil {
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
func truncate(file *os.File, size int64) error { return wrap(file.Truncate(size)) }
