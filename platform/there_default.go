//go:build !linux

package platform

import (
	"context"
	"net"
	"time"
)

// thereTick is how late the end of a process may be noticed where nothing tells of it.
const thereTick = time.Second

// whileThere checks only the process: a connection that its program has closed with
// unread bytes is noticed when the program ends.
func whileThere(ctx context.Context, _ net.Conn, p Peer) (context.Context, func()) {
	there, end := context.WithCancel(ctx)
	if p.Identified {
		go func() {
			ticker := time.NewTicker(thereTick)
			defer ticker.Stop()
			for lives(p.Process) {
				select {
				case <-there.Done():
					return
				case <-ticker.C:
				}
			}
			end()
		}()
	}
	return there, end
}
