package platform

import "net/netip"

// RemoteOf is where the one TCP connection of p leads to. It is a claim: the
// program can connect to anything, and log in elsewhere. ok is false when it has
// none or several, or when that cannot be seen (as on systems other than Linux).
func RemoteOf(p Process) (remote netip.AddrPort, ok bool) { return remoteOf(p) }
