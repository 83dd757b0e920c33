package platformtest

import (
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// separation is where sshd, run by root, keeps its unprivileged half. The system's
// service makes it, which may never have run.
const separation = "/run/sshd"

// ownMark is in it when tests made it.
const ownMark = ".made-by-tests"

// SSHDDir makes the directory that root's sshd needs, where there is none. Several
// test runs may use it at once: the last of them to call release takes it away.
func SSHDDir() (release func(), err error) {
	if os.Geteuid() != 0 {
		return func() {}, nil
	}
	for {
		if err := os.Mkdir(separation, 0o755); err == nil {
			if err := os.WriteFile(filepath.Join(separation, ownMark), nil, 0o600); err != nil {
				return nil, err
			}
		} else if !os.IsExist(err) {
			return nil, err
		}
		dir, err := os.Open(separation)
		if os.IsNotExist(err) { // another run ended just now
			continue
		}
		if err != nil {
			return nil, err
		}
		if err := unix.Flock(int(dir.Fd()), unix.LOCK_SH); err != nil {
			return nil, err
		}
		if isThere(dir) {
			return func() { leave(dir) }, nil
		}
		dir.Close()
	}
}

// isThere is false for a directory that was removed before it was locked.
func isThere(dir *os.File) bool {
	now, err := os.Stat(separation)
	if err != nil {
		return false
	}
	opened, err := dir.Stat()
	return err == nil && os.SameFile(now, opened)
}

func leave(dir *os.File) {
	defer dir.Close()
	if unix.Flock(int(dir.Fd()), unix.LOCK_EX|unix.LOCK_NB) != nil {
		return // another run uses it
	}
	if os.Remove(filepath.Join(separation, ownMark)) == nil {
		_ = os.Remove(separation)
	}
}
