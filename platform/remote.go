package platform

import "net/netip"

// RemoteOf returns where the only TCP connection of p leads. It is a claim: the program
// can connect to anything and log in elsewhere. ok is false if p has no connection or
// several, or if that cannot be seen (as on systems other than Linux).
func RemoteOf(p Process) (remote netip.AddrPort, ok bool) { return remoteOf(p) }
