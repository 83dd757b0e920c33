package confirm

import (
	"slices"

	"github.com/keybroker/keybroker/keys"
)

// Limits that keep programs with something in common from crowding out others.
const (
	// CrowdSize is how many requests of a crowd may wait before another program's
	// request goes ahead of them: as many as one process may have.
	CrowdSize = MaxPerProcess
	// CrowdShare is how many places a crowd keeps when the queue is full and
	// another program's request comes.
	CrowdShare = MaxWaiting / 2
)

// crowdsOf lists what a program has in common with others. A program can easily
// change most of it (by a copy of its file, setsid, a fork), but hardly all of it:
// its control group and its container stay.
func crowdsOf(use *keys.Use) []source {
	if use == nil {
		return nil
	}
	peer := use.Peer
	if !peer.Identified {
		return []source{processOf(use)}
	}
	list := []source{
		{kind: "program", user: peer.User, path: peer.Executable},
		{kind: "terminal", user: peer.User, terminal: peer.Terminal}, // "" counts too: the programs without a terminal
	}
	parent := source{kind: "parent", user: peer.User} // the parent has ended
	if len(peer.Parents) > 0 {
		parent = process(peer, peer.Parents[0], "parent")
	}
	return append(append(list, parent), sharedBy(use)...)
}

// sharedBy lists what the kernel and the socket tell about programs that belong together.
func sharedBy(use *keys.Use) []source {
	user, shares := use.Peer.User, use.Peer.Shares
	var list []source
	if shares.Session != 0 {
		list = append(list, source{kind: "session", user: user, pid: shares.Session})
	}
	if shares.ControlGroup != "" {
		list = append(list, source{kind: "control group", user: user, path: shares.ControlGroup})
	}
	if use.Peer.Container {
		list = append(list, source{kind: "container", user: user, path: shares.Namespaces})
	}
	if use.Socket != "" {
		list = append(list, source{kind: "socket", user: user, path: use.Socket})
	}
	return list
}

func (s source) includes(use *keys.Use) bool { return slices.Contains(crowdsOf(use), s) }

// largestCrowd finds the largest crowd with more than limit prompts that use does
// not belong to.
func largestCrowd(prompts []*prompt, use *keys.Use, limit int) (largest source, found bool) {
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
		if n > limit {
			largest, limit, found = s, n, true
		}
	}
	return largest, found
}

// placeLocked is the index of a new prompt in the queue: at the end, but before a crowd.
func (q *Queue) placeLocked(p *prompt) int {
	if len(q.pending) == 0 {
		return 0
	}
	behind := q.pending[1:] // the first one is shown
	if crowd, found := largestCrowd(behind, p.use, CrowdSize); found {
		return 1 + slices.IndexFunc(behind, func(other *prompt) bool { return crowd.includes(other.use) })
	}
	return len(q.pending)
}
