package platform

import (
	"context"
	"errors"
	"net"
)

// Dial connects to a named pipe.
func Dial(context.Context, string) (net.Conn, error) {
	return nil, errors.New("platform: named pipes are not supported yet")
}
