//go:build unix

package platform

import (
	"fmt"
	"net"
	"path/filepath"

	"github.com/keybroker/keybroker/problem"
)

// BindSocket serves path as ssh-agent does: in any directory, protected only by its own
// mode 0600. It fails if the path exists, and does not remove the socket at the end.
// For everything else use Listen.
func BindSocket(path string) (*net.UnixListener, error) {
	path, err := filepath.Abs(path)
	if err != nil {
		return nil, fmt.Errorf("socket: %w", err)
	}
	if len(path) > maxSocketPath {
		return nil, problem.With(fmt.Errorf("socket: %s: the path has %d bytes and a socket's may have %d", path, len(path), maxSocketPath), "choose a shorter one")
	}
	l, err := bind(path)
	if err != nil {
		return nil, fmt.Errorf("socket: %w", err)
	}
	l.SetUnlinkOnClose(false)
	return l, nil
}
