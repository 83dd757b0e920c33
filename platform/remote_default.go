//go:build !linux

package platform

import "net/netip"

func remoteOf(Process) (netip.AddrPort, bool) { return netip.AddrPort{}, false }
