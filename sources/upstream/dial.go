package upstream

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"

	"github.com/keybroker/keybroker/platform"
	"github.com/keybroker/keybroker/problem"
)

// errLoop means that the socket is ours: each request would come back as a new one.
var errLoop = problem.New("its socket is keybroker's own", "name the other agent's socket: [[upstream]] path in config.toml")

// dial connects and checks the peer: it must not be ourselves, under any path, nor
// another user, who could be sent a key.
func (s *Source) dial(ctx context.Context) (net.Conn, error) {
	if s.config.Path == "" {
		return nil, errors.New(s.config.Missing)
	}
	if s.isOwn() {
		return nil, errLoop
	}
	ctx, cancel := context.WithTimeout(ctx, listTimeout)
	defer cancel()
	conn, err := platform.Dial(ctx, s.config.Path)
	if err != nil {
		return nil, problem.With(err, "start that agent, or see: [[upstream]] in config.toml")
	}
	if err := s.checkPeer(conn); err != nil {
		conn.Close()
		return nil, err
	}
	return conn, nil
}

// isOwn checks the file each time: a link may have changed.
func (s *Source) isOwn() bool {
	there, err := os.Stat(s.config.Path) // follows links
	if err != nil {
		return false // dial will say why
	}
	for _, path := range s.config.Own {
		if own, err := os.Stat(path); err == nil && os.SameFile(there, own) {
			return true
		}
	}
	return false
}

func (s *Source) checkPeer(conn net.Conn) error {
	peer, err := s.config.PeerOf(conn)
	switch {
	case err != nil:
		return err
	case !platform.SameUser(peer):
		return problem.With(fmt.Errorf("it belongs to user %s, not to you", peer.User), "name a socket of your own: [[upstream]] path in config.toml")
	case peer.PID == os.Getpid(): // a mount shows our socket as another file
		return errLoop
	}
	return nil
}
