package agent

import (
	"sync"

	"github.com/keybroker/keybroker/wire"
)

// maxUnbound bounds what is remembered of programs; the oldest goes first.
const maxUnbound = 1024

// unbound are the programs that logged in without binding their session: libssh2,
// paramiko and their like, old versions of ssh. When such a program forwards the
// agent it does not say so. What betrays it is a connection of the same process
// that is bound: the ssh on the far host did that. The zero value is ready.
type unbound struct {
	mu    sync.Mutex // guards order and set
	order []program
	set   map[program]struct{}
}

func (u *unbound) add(p program) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.set == nil {
		u.set = map[program]struct{}{}
	}
	if _, known := u.set[p]; known {
		return
	}
	if len(u.order) == maxUnbound {
		delete(u.set, u.order[0])
		u.order = u.order[1:]
	}
	u.order, u.set[p] = append(u.order, p), struct{}{}
}

func (u *unbound) has(p program) bool {
	u.mu.Lock()
	defer u.mu.Unlock()
	_, known := u.set[p]
	return known
}

// noteLogin remembers a program that asks for a login without a bind. What it
// asks for is enough: a far host may have answered the question itself.
func (s *session) noteLogin(purpose wire.Purpose) {
	if purpose.Kind == wire.KindLogin && len(s.binds) == 0 && s.peer.Identified {
		s.server.unbound.add(programOf(s.peer))
	}
}

// relayed says that the connection is bound and its program is one that does not
// bind: then it hands on what another program has sent, most likely a far host's.
func (s *session) relayed() bool {
	return len(s.binds) > 0 && s.peer.Identified && s.server.unbound.has(programOf(s.peer))
}
