//go:build unix

package platform

import (
	"io/fs"
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// lockScratch locks a directory for as long as this process lives: flock(2) ends with it,
// however it ends.
func lockScratch(dir string) (*os.File, error) {
	file, err := openScratch(dir)
	if err != nil {
		return nil, err
	}
	if err := unix.Flock(int(file.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		file.Close()
		return nil, os.NewSyscallError("flock", err)
	}
	return file, nil
}

// deadScratch reports whether a directory is this user's, and no living process has
// locked it. The lock is held until the file is closed.
func deadScratch(dir string, seen fs.FileInfo) (lock *os.File, dead bool) {
	if owner, ok := seen.Sys().(*syscall.Stat_t); !ok || int(owner.Uid) != os.Geteuid() {
		return nil, false
	}
	lock, err := lockScratch(dir)
	if err != nil {
		return nil, false
	}
	return lock, sameDir(lock, seen)
}

func openScratch(dir string) (*os.File, error) {
	return os.OpenFile(dir, os.O_RDONLY|unix.O_NOFOLLOW|unix.O_DIRECTORY, 0)
}
