package agent

import (
	"slices"
	"sync"

	"github.com/keybroker/keybroker/keys/publickey"
	"github.com/keybroker/keybroker/platform"
	"github.com/keybroker/keybroker/problem"
)

// maxListedFirst bounds the logins that want a key listed first at once: as many hosts as
// a command logs in to at the same time, and more.
const maxListedFirst = 256

// listedFirst holds the keys that commands ask servers about. OpenSSH's ssh offers the keys
// of its agent in their order, and a key that the agent does not have after them all. So
// only the agent can have a refused key offered before the one that gets in. Nothing is
// allowed by that: the list gets longer by a public key that the command named itself. The
// zero value is ready.
type listedFirst struct {
	mu     sync.Mutex // guards logins
	logins map[login][]byte
}

// login is one ssh: its parent, and the file with the public key on its command line.
type login struct {
	by   command
	file string
}

// ListFirst puts the key with this blob first in the list for the ssh that peer starts
// with file as the value of an option. withdraw ends it.
func (s *Server) ListFirst(peer platform.Peer, blob []byte, file string) (withdraw func(), err error) {
	if !peer.Identified || peer.Start == 0 || peer.Container {
		return nil, problem.New("the program that asks about a key is not known", "run it outside of a container")
	}
	if _, err := publickey.Parse(blob); err != nil || file == "" {
		return nil, problem.New("what is to be listed first is not a public key in a file", "give both")
	}
	return s.first.add(login{command{peer.PID, peer.Start}, file}, blob)
}

func (f *listedFirst) add(of login, blob []byte) (withdraw func(), err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if _, twice := f.logins[of]; twice || len(f.logins) >= maxListedFirst {
		return nil, problem.New("too many keys are asked about at once", "wait until other commands have ended")
	}
	if f.logins == nil {
		f.logins = make(map[login][]byte)
	}
	f.logins[of] = blob
	return func() {
		f.mu.Lock()
		defer f.mu.Unlock()
		delete(f.logins, of)
	}, nil
}

// none reports whether no key is listed first for any program.
func (f *listedFirst) none() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return len(f.logins) == 0
}

// of returns the blob of the key that is listed first for a program; nil: there is none.
func (f *listedFirst) of(peer platform.Peer) []byte {
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(f.logins) == 0 || len(peer.Parents) == 0 {
		return nil
	}
	for of, blob := range f.logins {
		if of.by == (command{peer.Parents[0].PID, peer.Parents[0].Start}) && slices.Contains(peer.Args, of.file) {
			return blob
		}
	}
	return nil
}
