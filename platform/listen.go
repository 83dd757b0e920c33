package platform

import (
	"errors"
	"net"
)

// ErrInUse is returned by Listen for a path that another program serves.
var ErrInUse = errors.New("another agent serves it")

// Listen serves the local socket path, which only this user can open. The
// directory is made when it is missing; one that other users can enter, or
// that is not this user's own, is refused. What another program left or still
// serves at path is never touched, except a socket that nobody listens on.
//
// A socket that is removed while it is served is soon made again at the same path,
// unless something else has taken its place.
//
// Its connections go to PeerOf. Closing it removes the socket, unless something
// else took its place.
func Listen(path string) (net.Listener, error) { return listen(path) }
