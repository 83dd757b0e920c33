//go:build !linux

package platform

import "net"

func callerOf(conn net.Conn) (Peer, error) { return peerOf(conn, nil) }
