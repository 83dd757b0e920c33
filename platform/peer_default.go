//go:build !linux

package platform

import (
	"errors"
	"net"
)

func peerOf(net.Conn) (Peer, error) {
	return Peer{}, errors.New("platform: identifying the peer is not supported on this system yet")
}
