package platform

import (
	"context"
	"net"
)

// WhileThere returns a context that ends with ctx, when the other end of conn hangs up,
// and when the process of p ends, even if another process still holds its end of the
// connection. Unread bytes do not hide that. Call stop when done.
//
// On Linux the kernel reports both; elsewhere it may take a second.
func WhileThere(ctx context.Context, conn net.Conn, p Peer) (there context.Context, stop func()) {
	return whileThere(ctx, conn, p)
}

// PIDOf is the process at the other end of conn, 0 when it is not known. It does
// not wait, as PeerOf may, and says nothing of who that is.
func PIDOf(conn net.Conn) int { return pidOf(conn) }
