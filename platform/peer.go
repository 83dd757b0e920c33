package platform

import (
	"net"
	"sync"
	"time"
)

// Limits on what is read about a process. Everything here is chosen by other
// programs of the same user, so each field is clipped before it is kept.
const (
	// MaxAncestors bounds the walk up the process tree: real chains
	// (ssh, git, shell, editor, terminal, session) are under ten.
	MaxAncestors = 16
	// MaxArgs and MaxArgBytes bound one kept command line.
	MaxArgs     = 64
	MaxArgBytes = 4096
	// chainTime is how long a look at ancestors serves for other clients: programs that log in to
	// many hosts share them.
	chainTime = 100 * time.Millisecond
	// maxChains bounds the parents that are remembered.
	maxChains = 64
)

// Process is one program as the kernel describes it at one moment.
type Process struct {
	PID        int      `json:"pid"`
	Start      uint64   `json:"start,omitempty"` // in the kernel's own unit; tells a reused pid apart
	Name       string   `json:"name"`            // base name of the executable, or the kernel's short name
	Executable string   `json:"exe,omitempty"`   // absolute path, "" when it cannot be read
	Args       []string `json:"-"`               // command line, clipped, raw: escape before showing, never log
}

// Peer is who is at the other end of a connection. It is captured once and passed down
// as a plain value.
//
// Only User is a boundary: the kernel vouches for it. The rest is advice for a
// person, because a program of the same user can exec something else or hand
// its socket on.
type Peer struct {
	User       string    `json:"user"` // decimal uid; on Windows the SID
	Process              // the program that connected
	Parents    []Process `json:"parents,omitempty"`    // nearest first
	Terminal   string    `json:"terminal,omitempty"`   // "pts/3", "" when it has none
	SSHLogin   bool      `json:"ssh_login,omitempty"`  // an sshd is among the ancestors
	Foreground bool      `json:"foreground,omitempty"` // it is in the foreground of its terminal
	Attended   bool      `json:"attended,omitempty"`   // it or an ancestor is the foreground process of a terminal
	Container  bool      `json:"container,omitempty"`  // it is in another pid namespace: a container or sandbox
	Shares     Shares    `json:"-"`                    // what it has in common with other programs
	Directory  string    `json:"-"`                    // where the nearest git of the chain works; "": there is none. Escape it before showing
	Identified bool      `json:"identified"`           // false: the process was gone or hidden; only User is known
}

// Shares is what a process has in common with others: it identifies a group of
// programs. What cannot be read is empty. Each string is stored once for all peers.
type Shares struct {
	Session      int    // the kernel's (setsid(2)); 0: not known
	ControlGroup string // "/user.slice/user-1000.slice/session-2.scope" (cgroups(7))
	OwnMounts    bool   // it has other mounts than we do: paths may lead elsewhere there
	Namespaces   string // "pid:[4026531836] mnt:[4026531841]": a container has others (namespaces(7))
}

// Background reports whether the program seems to run without a person: it has no
// terminal, and none of its ancestors is the foreground process of one.
func (p Peer) Background() bool { return p.Identified && p.Terminal == "" && !p.Attended }

// PeerOf identifies the other end of conn. An error means that not even the
// user is known, and the connection must be closed.
func PeerOf(conn net.Conn) (Peer, error) { return peerOf(conn, nil) }

// Peers identifies many clients. The zero value is ready.
type Peers struct {
	mu     sync.Mutex    // guards the fields that follow
	chains map[int]chain // by the pid of a client's parent
	last   Process       // the client that was looked at last
}

// chain is a process and its ancestors, nearest first, as they were a moment ago.
type chain struct {
	sightings []sighting
	processes []Process // of each peer that shares the chain: nobody changes them
	read      time.Time
}

// sighting is one process as look saw it.
type sighting struct {
	Process
	parent     int
	terminal   uint64 // device number, 0: none
	foreground bool   // of its terminal
	session    int
	directory  string // of a git only
}

// PeerOf is PeerOf, which takes the ancestors of a client from another client of the same parent
// where that one was looked at within chainTime. The client itself is always looked at.
func (c *Peers) PeerOf(conn net.Conn) (Peer, error) { return peerOf(conn, c) }

// CallerOf is PeerOf without a look at the process, where that is less work: only User and
// PID are known. The kernel keeps for the connection which process it was, so that PeerOf
// finds the same one later, or none.
func CallerOf(conn net.Conn) (Peer, error) { return callerOf(conn) }
