//go:build !linux

package platform

import "net"

// activated returns nothing: launchd and Windows pass no sockets here.
func activated() (map[string]net.Listener, error) { return nil, nil }
