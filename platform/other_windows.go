package platform

import (
	"net"

	"golang.org/x/sys/windows"
)

// otherEnd is a connection that knows who is at its other end.
type otherEnd interface {
	otherEnd() (other, error)
}

// other is who is at the other end of a connection.
type other struct {
	pid   uint32 // 0: not known
	user  string // known even where nothing is known of the process
	since windows.Filetime
}

// messageConn is a request by a message to a window.
type messageConn struct {
	net.Conn
	other other
}

func (c *messageConn) otherEnd() (other, error) { return c.other, nil }
