//go:build linux || darwin || windows

package platform

import "os"

// Self is this process as others would see it at the end of a connection.
func Self() Peer {
	peer := Peer{User: currentUser()}
	if peer.identify(os.Getpid(), nil) != nil {
		return Peer{User: peer.User}
	}
	return peer
}
