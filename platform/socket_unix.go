//go:build unix

package platform

import (
	"fmt"
	"net"
	"path/filepath"

	"github.com/keybroker/keybroker/problem"
)

// BindSocket serves path in the way of ssh-agent: in whatever directory the
// caller names, with only its own mode, 0600, to guard it. It fails when
// something is there, and does not remove the socket in the end; for all else
// there is Listen.
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
