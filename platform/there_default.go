//go:build !linux

package platform

import (
	"context"
	"net"
	"time"
)

// thereTick is how late a hang-up or the end of a process may be noticed where nothing
// tells of it.
const thereTick = time.Second

func whileThere(ctx context.Context, conn net.Conn, p Peer) (context.Context, func()) {
	there, end := context.WithCancel(ctx)
	go func() {
		defer end()
		ticker := time.NewTicker(thereTick)
		defer ticker.Stop()
		for !hungUp(conn) && (!p.Identified || lives(p.Process)) {
			select {
			case <-there.Done():
				return
			case <-ticker.C:
			}
		}
	}()
	return there, end
}
