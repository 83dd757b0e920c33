package confirm

import (
	"slices"

	"github.com/keybroker/keybroker/keys"
)

// Limits on what programs with something in common do to the others.
const (
	// CrowdSize is how many of them wait before a request of another kind is
	// shown before theirs: as many as one process may have.
	CrowdSize = MaxPerProcess
	// CrowdShare is how many places they keep when the queue is full and a
	// request of another kind comes.
	CrowdShare = MaxWaiting / 2
)

// crowdsOf is what a program has in common with others. One program can change
// most of it with little work (a copy of its file, setsid, a fork), and hardly all
// of it: its control group and its container stay.
func crowdsOf(use *keys.Use) []source {
	if use == nil {
		return nil
	}
	peer := use.Peer
	if !peer.Identified {
		return []source{processOf(use)}
	}
	list := []source{
		{how: "program", user: peer.User, path: peer.Executable},
		{how: "terminal", user: peer.User, terminal: peer.Terminal}, // "": none is a kind, too
	}
	parent := source{how: "parent", user: peer.User} // that has ended
	if len(peer.Parents) > 0 {
		parent = process(peer, peer.Parents[0], "parent")
	}
	return append(append(list, parent), sharedBy(use)...)
}

// sharedBy is what the kernel or the socket tells of programs that belong together.
func sharedBy(use *keys.Use) []source {
	user, shares := use.Peer.User, use.Peer.Shares
	var list []source
	if shares.Session != 0 {
		list = append(list, source{how: "session", user: user, pid: shares.Session})
	}
	if shares.ControlGroup != "" {
		list = append(list, source{how: "control group", user: user, path: shares.ControlGroup})
	}
	if use.Peer.Container {
		list = append(list, source{how: "container", user: user, path: shares.Namespaces})
	}
	if use.Socket != "" {
		list = append(list, source{how: "socket", user: user, path: use.Socket})
	}
	return list
}

func (s source) has(use *keys.Use) bool { return slices.Contains(crowdsOf(use), s) }

// largestCrowd is the largest one among prompts, of more than so many, that use
// does not belong to.
func largestCrowd(prompts []*prompt, use *keys.Use, more int) (largest source, found bool) {
	size := map[source]int{}
	for _, p := range prompts {
		for _, s := range crowdsOf(p.use) {
			size[s]++
		}
	}
	for _, s := range crowdsOf(use) {
		delete(size, s)
	}
	for s, n := range size {
		if n > more {
			largest, more, found = s, n, true
		}
	}
	return largest, found
}

// placeLocked is where a prompt goes in the queue: at its end, and before a crowd.
func (q *Queue) placeLocked(p *prompt) int {
	if len(q.pending) == 0 {
		return 0
	}
	behind := q.pending[1:] // the one that is shown
	if crowd, found := largestCrowd(behind, p.use, CrowdSize); found {
		return 1 + slices.IndexFunc(behind, func(other *prompt) bool { return crowd.has(other.use) })
	}
	return len(q.pending)
}
