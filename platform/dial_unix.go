//go:build unix

package platform

import (
	"context"
	"errors"
	"net"
	"syscall"
	"time"
)

const (
	// busyWait is the time between two tries to connect.
	busyWait = 5 * time.Millisecond
	// maxBusy bounds the waiting where the context has no end.
	maxBusy = 10 * time.Second
)

// Dial connects to a socket that Listen made. Where more clients wait than the system holds,
// it waits too, as the connect(2) of ssh does: Go's own Dial, which does not block, fails.
func Dial(ctx context.Context, path string) (net.Conn, error) {
	var dialer net.Dialer
	for end := time.Now().Add(maxBusy); ; {
		conn, err := dialer.DialContext(ctx, "unix", path)
		if !errors.Is(err, syscall.EAGAIN) || time.Now().After(end) {
			return conn, err
		}
		select {
		case <-ctx.Done():
			return nil, err
		case <-time.After(busyWait):
		}
	}
}
