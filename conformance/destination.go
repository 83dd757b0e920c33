package conformance

import (
	"bytes"
	"slices"
)

// end is one end of a destination constraint (PROTOCOL.agent section 2).
type end struct {
	user, name string
	keys       [][]byte // key blobs
	ca         bool     // they are of authorities
	reserved   string
}

func (e end) bytes() []byte {
	b := slices.Concat(str(e.user), str(e.name), str(e.reserved))
	for _, key := range e.keys {
		b = slices.Concat(b, str(key), boolean(e.ca))
	}
	return b
}

// at is the end at a host.
func (h host) at(name, user string) end { return end{user: user, name: name, keys: [][]byte{h.blob}} }

// leads is one destination constraint. The empty end, as from, is this machine.
func leads(from, to end) []byte {
	return str(slices.Concat(str(from.bytes()), str(to.bytes()), str("")))
}

// restrict is the constraint extension with these destination constraints.
func restrict(list ...[]byte) []byte {
	return constraintExtension(extRestrict, str(slices.Concat(list...)))
}

// hostbound is what OpenSSH's client signs to log in: the session, and the host's key.
func hostbound(key testKey, session []byte, user string, hostKey []byte) []byte {
	return append(append(str(session), 50), bytes.Join([][]byte{str(user), str("ssh-connection"), str("publickey-hostbound-v00@openssh.com"), {1},
		str(key.kind), str(key.blob), str(hostKey)}, nil)...)
}

// way is a chain of hosts: the agent is forwarded through all but the last.
type way []host

func newWay(n int) way {
	w := make(way, n)
	for i := range w {
		w[i] = newHost()
	}
	return w
}

// constraints lead along the way, without the one at position missing; -1: all.
func (w way) constraints(missing int) []byte {
	var list [][]byte
	from := end{}
	for i, h := range w {
		if i != missing {
			list = append(list, leads(from, h.at("host", "")))
		}
		from = h.at("host", "")
	}
	if len(list) == 0 { // an empty list would be none
		list = append(list, leads(end{}, newHost().at("elsewhere", "")))
	}
	return restrict(list...)
}

// bind binds the sessions along the way, the last one for a login unless forwarding.
func (w way) bind(c *Conn, forwarding bool) (session []byte) {
	for i, h := range w {
		session = h.bind(c, forwarding || i < len(w)-1)
	}
	return session
}

func (w way) last() host { return w[len(w)-1] }

// AddFor adds a key with destination constraints.
func (t *T) AddFor(constraints []byte) testKey { return t.AddNew(constraints) }
