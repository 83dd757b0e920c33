package keys

import (
	"crypto/sha256"
	"time"

	"github.com/keybroker/keybroker/platform"
	"github.com/keybroker/keybroker/wire"
)

// Op is what a client wants to do.
type Op string

// The operations in the audit log.
const (
	OpSign      Op = "sign"
	OpList      Op = "list"
	OpAdd       Op = "add"
	OpRemove    Op = "remove"
	OpRemoveAll Op = "remove-all"
	OpLock      Op = "lock"
	OpUnlock    Op = "unlock"
	OpBind      Op = "session-bind"
	OpConnect   Op = "connect" // only refused connections are logged
	OpPause     Op = "pause"
	OpResume    Op = "resume"
	OpApprove   Op = "approve"   // a terminal may answer questions
	OpRename    Op = "rename"    // a sealed key got another name
	OpAnnotate  Op = "annotate"  // a key has another owner, purpose, ticket or expiry
	OpDrop      Op = "drop"      // opened keys and grants were dropped, because the person went away
	OpStart     Op = "start"     // the broker started
	OpEnd       Op = "end"       // the broker ended
	OpKeys      Op = "keys"      // the broker holds other keys than before
	OpReload    Op = "reload"    // the rules were read again
	OpRevoke    Op = "revoke"    // grants were revoked
	OpLifecycle Op = "lifecycle" // a command reported what it did with a key on a host
	OpOther     Op = "other"
)

// Ops are all operations, in the order of the help texts.
var Ops = []Op{OpSign, OpList, OpAdd, OpRemove, OpRemoveAll, OpRename, OpAnnotate, OpLock, OpUnlock, OpPause, OpResume, OpApprove, OpStart, OpEnd, OpKeys, OpReload, OpRevoke, OpLifecycle, OpDrop, OpBind, OpConnect, OpOther}

// Trust says how well a destination is known.
type Trust string

// The degrees of trust. They must never look alike to a person.
const (
	TrustNone     Trust = "none"     // nothing is known
	TrustClaimed  Trust = "claimed"  // a program named the host; nothing proves it
	TrustNew      Trust = "new"      // the host proved its key, which has no name in known_hosts
	TrustVerified Trust = "verified" // the host proved its key, which has a name in known_hosts
)

// Proved reports whether the host proved its key for this login.
func (t Trust) Proved() bool { return t == TrustVerified || t == TrustNew }

// Host is an SSH server and what known_hosts says about its key. The zero Host means
// none. Patterns, Hashed and Cut make the names uncertain: rules that ask or refuse
// then match, rules that allow do not.
type Host struct {
	Fingerprint string   `json:"fingerprint"`        // "SHA256:…" of its host key
	Names       []string `json:"names,omitempty"`    // all names that could be read
	Patterns    []string `json:"patterns,omitempty"` // lines with patterns, as written: "*.example,!www.example"
	Hashed      bool     `json:"hashed,omitempty"`   // a hashed name could not be read
	Cut         bool     `json:"cut,omitempty"`      // there may be more: a file was unreadable, or a file or list too long
	Revoked     string   `json:"revoked,omitempty"`  // the place of the @revoked line: "/etc/ssh/ssh_known_hosts:12"
	Unproved    string   `json:"unproved,omitempty"` // a hop only: why its proof could not be checked
}

// Name returns the host's name for a person: the first name in known_hosts, else the
// fingerprint. Escape it.
func (h Host) Name() string {
	if len(h.Names) > 0 {
		return h.Names[0]
	}
	return h.Fingerprint
}

// Destination is where a login signature goes.
type Destination struct {
	Trust     Trust  `json:"trust"`
	Host      Host   `json:"host,omitzero"`        // the server; set if Trust.Proved
	Named     Host   `json:"named,omitzero"`       // not proved: the server that the login or a session-bind names
	Claimed   string `json:"claimed,omitempty"`    // host name on the client's command line
	Typed     string `json:"typed,omitempty"`      // proved only: host name on the client's command line
	OtherName bool   `json:"other_name,omitempty"` // Typed is not a name of the proved host
	Forwarded bool   `json:"forwarded,omitempty"`
	Relayed   bool   `json:"relayed,omitempty"` // forwarded by a program that does not say through which hosts
	Hops      []Host `json:"hops,omitempty"`    // the hosts that the agent is forwarded through, nearest first
	Why       string `json:"why,omitempty"`     // why it is not proved
}

// Name returns the destination's name for a person: Host.Name of a proved one, or the
// claimed name; "" if nothing is known. Escape it, and show Trust with it: a claimed
// name must never look like a proved one.
func (d Destination) Name() string {
	switch {
	case d.Trust.Proved():
		return d.Host.Name()
	case d.Trust == TrustClaimed:
		return d.Claimed
	}
	return ""
}

// Use is the facts of one request: who wants to do what with which key, and for which
// destination. It is made once, before the decision. Policy reads it, the prompt shows
// it and the audit log stores it.
type Use struct {
	ID          string // short random id for `keybroker why` and the log
	Op          Op
	Peer        platform.Peer
	Key         Info
	Purpose     wire.Purpose
	Destination Destination
	Digest      [sha256.Size]byte // of the data to be signed
	Time        time.Time
	Socket      string   // name of the separate socket; "": the agent's own
	Bindings    [][]byte // the connection's session-bind requests, to pass on to an upstream agent
}

// IsZero makes encoding/json omit a Host that is not set.
func (h Host) IsZero() bool { return h.Fingerprint == "" && len(h.Names) == 0 }
