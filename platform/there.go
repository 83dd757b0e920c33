package platform

import (
	"context"
	"net"
)

// WhileThere returns a context that ends with ctx, when the other end of conn
// hangs up, and when the process of p ends, whoever else holds its end of the
// connection. Bytes that nobody has read hide none of it. Call stop when done.
//
// On Linux the kernel tells both; elsewhere it may take a second.
func WhileThere(ctx context.Context, conn net.Conn, p Peer) (there context.Context, stop func()) {
	return whileThere(ctx, conn, p)
}

// PIDOf is the process at the other end of conn, 0 when it is not known. It does
// not wait, as PeerOf may, and says nothing of who that is.
func PIDOf(conn net.Conn) int { return pidOf(conn) }
