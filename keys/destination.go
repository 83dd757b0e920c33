package keys

import (
	"strings"

	"golang.org/x/crypto/ssh"
)

// DestinationConstraint is one way that a key may be used (OpenSSH
// PROTOCOL.agent section 2). A key with several may be used in each of them.
type DestinationConstraint struct {
	From Hop // zero: the machine that the agent runs on
	To   Hop
}

// Hop is one host of a DestinationConstraint.
type Hop struct {
	User string // To only: a pattern, "" for everybody
	Host string // the name that whoever added the key looked its keys up by
	Keys []HopKey
}

// HopKey is a host's key, or that of an authority whose certificates name the host.
type HopKey struct {
	Key ssh.PublicKey
	CA  bool
}

// String is the constraint as ssh-add -h takes it: "host", "user@host", "from>to".
func (d DestinationConstraint) String() string {
	to := d.To.Host
	if d.To.User != "" {
		to = d.To.User + "@" + to
	}
	if d.From.Host == "" {
		return to
	}
	return d.From.Host + ">" + to
}

// DestinationText joins the constraints for a person: "host, host>user@other".
// What it returns was chosen by another program.
func DestinationText(list []DestinationConstraint) string {
	texts := make([]string, len(list))
	for i, d := range list {
		texts[i] = d.String()
	}
	return strings.Join(texts, ", ")
}
