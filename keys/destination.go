package keys

import (
	"strings"

	"golang.org/x/crypto/ssh"
)

// DestinationConstraint permits the use of a key from one host to another (OpenSSH
// PROTOCOL.agent section 2). A key may have several.
type DestinationConstraint struct {
	From Hop // zero: the machine that the agent runs on
	To   Hop
}

// Hop is one host of a DestinationConstraint.
type Hop struct {
	User string // To only: a pattern; "": every user
	Host string // the name by which the client that added the key looked up Keys
	Keys []HopKey
}

// HopKey is a host key, or the key of a CA that signs host certificates.
type HopKey struct {
	Key ssh.PublicKey
	CA  bool
}

// String returns the constraint in the form of ssh-add -h: "host", "user@host", "from>to".
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
// The text was chosen by another program: escape it.
func DestinationText(list []DestinationConstraint) string {
	texts := make([]string, len(list))
	for i, d := range list {
		texts[i] = d.String()
	}
	return strings.Join(texts, ", ")
}
