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
	p.Process = recent.shared(seen.Process)
	ancestors := recent.ancestorsOf(seen)
	parents := ancestors.sightings
	p.Parents = ancestors.processes
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

// ancestorsOf looks at the ancestors of child, or remembers them, unless c is nil.
func (c *Peers) ancestorsOf(child sighting) chain {
	if c == nil {
		return newChain(parentsOf(child), time.Time{})
	}
	c.mu.Lock()
	recent := c.chains[child.parent]
	c.mu.Unlock()
	now := time.Now()
	if now.Sub(recent.read) < chainTime && recent.sightings[0].Start <= child.Start {
		return recent
	}
	found := newChain(parentsOf(child), now)
	if len(found.sightings) > 0 {
		c.remember(child.parent, found)
	}
	return found
}

func newChain(sightings []sighting, read time.Time) chain {
	c := chain{sightings, make([]Process, len(sightings)), read} // clipped, because a Peer lives long
	for i, one := range sightings {
		c.processes[i] = one.Process
	}
	return c
}

// shared returns p as it was stored for the client before, if that was the same: a program may hold
// thousands of connections.
func (c *Peers) shared(p Process) Process {
	if c == nil {
		return p
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if last := c.last; last.PID != p.PID || last.Start != p.Start || last.Name != p.Name || last.Executable != p.Executable || !slices.Equal(last.Args, p.Args) {
		c.last = p
	}
	return c.last
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
