//go:build unix && !linux

package platform

import (
	"net"
	"sync"

	"golang.org/x/sys/unix"
)

// umaskMutex keeps two binds from restoring each other's umask.
var umaskMutex sync.Mutex

// bind makes the socket with mode 0600 from the start. The umask belongs to the whole
// process: a file that another goroutine creates at this moment gets a narrower mode,
// never a wider one. Not tested on these systems.
func bind(path string) (*net.UnixListener, error) {
	umaskMutex.Lock()
	defer umaskMutex.Unlock()
	defer unix.Umask(unix.Umask(0o177))
	return net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
}
