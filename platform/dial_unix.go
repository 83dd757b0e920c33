//go:build unix

package platform

import (
	"context"
	"net"
)

// Dial connects to a socket that Listen made.
func Dial(ctx context.Context, path string) (net.Conn, error) {
	var dialer net.Dialer
	return dialer.DialContext(ctx, "unix", path)
}
