//go:build linux || darwin || windows

package platform

import (
	"slices"
	"time"
)

// A Peer lives as long as its connection. The arguments matter only for the nearest
// ancestors ("git fetch"), and only the first ones.
const (
	parentsWithArgs = 3
	maxParentArgs   = 8
	maxParentBytes  = 256
)

// identify fills in everything but the user. The caller must check afterwards that pid
// was still the peer's.
func (p *Peer) identify(pid int, recent *Peers) error {
	seen, err := look(pid, MaxArgs, MaxArgBytes)
	if err != nil {
		return err
	}
	p.Process = seen.Process
	parents := recent.parentsOf(seen)
	p.Parents = make([]Process, len(parents)) // clipped, because a Peer lives long
	for i, parent := range parents {
		p.Parents[i] = parent.Process
	}
	p.Terminal = terminalName(seen.terminal)
	p.Foreground, p.Directory = seen.foreground, seen.directory
	p.Container, p.Shares = surroundings(pid)
	p.Shares.Session = seen.session
	p.Attended = p.Foreground || slices.ContainsFunc(parents, func(s sighting) bool { return s.foreground })
	if i := slices.IndexFunc(parents, func(s sighting) bool { return s.directory != "" }); i >= 0 && p.Directory == "" {
		p.Directory = parents[i].directory
	}
	p.SSHLogin = slices.ContainsFunc(p.Parents, isSSHD)
	p.Identified = true
	return nil
}

// parentsOf is parentsOf that remembers, unless c is nil.
func (c *Peers) parentsOf(child sighting) []sighting {
	if c == nil {
		return parentsOf(child)
	}
	c.mu.Lock()
	recent := c.chains[child.parent]
	c.mu.Unlock()
	now := time.Now()
	if now.Sub(recent.read) < chainTime && recent.processes[0].Start <= child.Start {
		return recent.processes
	}
	parents := parentsOf(child)
	if len(parents) > 0 {
		c.remember(child.parent, chain{parents, now})
	}
	return parents
}

func (c *Peers) remember(parent int, is chain) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.chains == nil || len(c.chains) >= maxChains {
		c.chains = make(map[int]chain)
	}
	c.chains[parent] = is
}

// parentsOf leaves out pid 1, which is everybody's ancestor. A parent that started
// after its child is another program with a reused pid.
func parentsOf(child sighting) []sighting {
	var found []sighting
	for len(found) < MaxAncestors && child.parent > 1 {
		args, size := maxParentArgs, maxParentBytes
		if len(found) >= parentsWithArgs {
			args, size = 0, 0
		}
		parent, err := look(child.parent, args, size)
		if err != nil || parent.Start > child.Start {
			break
		}
		found = append(found, parent)
		child = parent
	}
	return found
}

// isSSHD checks only the name, which is enough for advice. The server's own processes
// hide their executable from users, so Name is the kernel's short name. Since OpenSSH
// 9.8 a session's process is sshd-session.
func isSSHD(p Process) bool { return p.Name == "sshd" || p.Name == "sshd-session" }
