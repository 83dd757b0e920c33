package keys

import (
	"crypto/sha256"
	"time"

	"github.com/keybroker/keybroker/platform"
	"github.com/keybroker/keybroker/wire"
)

// Op is what a client wants to do.
type Op string

// The operations that are decided upon and written to the audit log.
const (
	OpSign      Op = "sign"
	OpList      Op = "list"
	OpAdd       Op = "add"
	OpRemove    Op = "remove"
	OpRemoveAll Op = "remove-all"
	OpLock      Op = "lock"
	OpUnlock    Op = "unlock"
	OpBind      Op = "session-bind"
	OpConnect   Op = "connect" // only refused ones are written
	OpPause     Op = "pause"
	OpResume    Op = "resume"
	OpApprove   Op = "approve" // a terminal was named to answer
	OpRename    Op = "rename"  // a sealed key got another name
	OpDrop      Op = "drop"    // opened keys and grants, because the person went away
	OpStart     Op = "start"   // of the broker
	OpReload    Op = "reload"  // of its rules
	OpRevoke    Op = "revoke"  // of grants
	OpOther     Op = "other"
)

// Ops are all of them, in the order in which help texts name them.
var Ops = []Op{OpSign, OpList, OpAdd, OpRemove, OpRemoveAll, OpRename, OpLock, OpUnlock, OpPause, OpResume, OpApprove, OpStart, OpReload, OpRevoke, OpDrop, OpBind, OpConnect, OpOther}

// Trust says how far a destination is known.
type Trust string

// The kinds of destination. They must never look alike to a person.
const (
	TrustNone     Trust = "none"     // nothing is known
	TrustClaimed  Trust = "claimed"  // somebody said so; nobody proved it
	TrustNew      Trust = "new"      // the host proved its key, and known_hosts gives that key no name
	TrustVerified Trust = "verified" // the host proved its key, and known_hosts names it
)

// Proved says whether the host proved its key for the login that is signed.
func (t Trust) Proved() bool { return t == TrustVerified || t == TrustNew }

// Host is one SSH server and what known_hosts says of its key. It is zero when
// there is none. What known_hosts leaves open makes a name uncertain: then rules
// that ask or refuse take "maybe" for yes, and rules that allow for no.
type Host struct {
	Fingerprint string   `json:"fingerprint"`        // "SHA256:…" of its host key
	Names       []string `json:"names,omitempty"`    // all that could be read; empty when there is none
	Patterns    []string `json:"patterns,omitempty"` // lines of patterns, as they are: "*.example,!www.example"
	Hashed      bool     `json:"hashed,omitempty"`   // a hashed name could not be read
	Cut         bool     `json:"cut,omitempty"`      // there may be more: a file or a list was too long, or not readable
	Revoked     string   `json:"revoked,omitempty"`  // the place of the @revoked line: "/etc/ssh/ssh_known_hosts:12"
	Unproved    string   `json:"unproved,omitempty"` // a hop only: why its proof could not be checked
}

// Name is how a person is told of the host: the first name that known_hosts gives its
// key, else the fingerprint. Whoever shows it escapes it.
func (h Host) Name() string {
	if len(h.Names) > 0 {
		return h.Names[0]
	}
	return h.Fingerprint
}

// Destination is where a login signature goes.
type Destination struct {
	Trust     Trust  `json:"trust"`
	Host      Host   `json:"host,omitzero"`        // the server that is logged in to; set when Trust.Proved
	Named     Host   `json:"named,omitzero"`       // not proved: the server whose key the login names, or that was bound
	Claimed   string `json:"claimed,omitempty"`    // host name in the caller's command line
	Typed     string `json:"typed,omitempty"`      // proved only: the host name in the caller's command line
	OtherName bool   `json:"other_name,omitempty"` // Typed is none of the proved host's names
	Forwarded bool   `json:"forwarded,omitempty"`
	Relayed   bool   `json:"relayed,omitempty"` // forwarded, by a program that does not say through which hosts
	Hops      []Host `json:"hops,omitempty"`    // the hosts an agent was forwarded through, nearest first
	Why       string `json:"why,omitempty"`     // why it is not proved
}

// Name is how a person is told of the destination: Host.Name of a proved one, or what was
// claimed; "": nothing is known. Trust is shown with it: a claimed name must never look
// like a proved one. Whoever shows it escapes it.
func (d Destination) Name() string {
	switch {
	case d.Trust.Proved():
		return d.Host.Name()
	case d.Trust == TrustClaimed:
		return d.Claimed
	}
	return ""
}

// Use is one request as a fact: who wants to do what with which key, and where
// it leads. It is made once, before the decision; policy reads it, the prompt
// shows it and the audit log stores it.
type Use struct {
	ID          string // short random id for `keybroker why` and the log
	Op          Op
	Peer        platform.Peer
	Key         Info
	Purpose     wire.Purpose
	Destination Destination
	Digest      [sha256.Size]byte // of the data to be signed
	Time        time.Time
	Socket      string   // the separate socket that it came through; "" for the agent's
	Bindings    [][]byte // the contents of each session-bind of the connection, for an agent behind this one
}

// IsZero is for encoding/json: no host, no field.
func (h Host) IsZero() bool { return h.Fingerprint == "" && len(h.Names) == 0 }
