//go:build unix

package softkeys

import (
	"fmt"
	"io/fs"
	"os"
	"syscall"

	"github.com/keybroker/keybroker/problem"
)

// openNonblocking opens without waiting: a FIFO would block until somebody writes.
func openNonblocking(path string) (*os.File, error) {
	return os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK, 0)
}

// checkPrivate accepts the modes 0600 and 0400, and 0440 for a systemd
// credential (LoadCredential=: root's file with an access control entry for the
// service).
func checkPrivate(info fs.FileInfo) error {
	switch perm := info.Mode().Perm(); perm {
	case 0o600, 0o400, 0o440:
	default:
		return problem.With(fmt.Errorf("its mode is %#o, so others may read or write it", perm), "make it 0600: chmod 600 FILE, and choose a new passphrase if others could read it")
	}
	if stat, ok := info.Sys().(*syscall.Stat_t); ok && stat.Uid != 0 && int(stat.Uid) != os.Geteuid() {
		return problem.With(fmt.Errorf("it belongs to uid %d", stat.Uid), "it must belong to root or to uid %d", os.Geteuid())
	}
	return nil
}
