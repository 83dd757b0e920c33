//go:build linux

package main

import (
	"context"
	"fmt"
	"os"
	"strings"
	"syscall"

	"github.com/keybroker/keybroker/bench/internal/gauge"
)

// bench measures keybroker beside ssh-agent.
type bench struct {
	ctx       context.Context
	rounds    int
	sshAgent  kind
	keybroker kind
	power     kind    // keybroker with an fsync before each reply
	tray      kind    // keybroker with its tray
	floor     kind    // the least that an agent in Go can be
	window    kind    // keybroker that asks in its window
	pinentry  kind    // keybroker that asks in pinentry-qt
	screen    *screen // nil: no X server
	buf       []byte  // for the replies on all connections
}

// row is a measure and the values of its turns.
type row struct {
	gauge.Row
	measure measure
}

// all measures everything that has text in its name.
func (b *bench) all(text string) ([]gauge.Row, error) {
	groups, err := b.groups()
	if err != nil {
		return nil, err
	}
	var rows []gauge.Row
	for _, g := range groups {
		more, err := b.group(g, text)
		if err != nil {
			return nil, err
		}
		for _, r := range more {
			rows = append(rows, r.Row)
		}
	}
	return rows, nil
}

// group gives both agents their turns, A B A B, so that changes on the machine affect
// both.
func (b *bench) group(g group, text string) ([]row, error) {
	against := b.sshAgent
	if g.against != nil {
		against = *g.against
	}
	var rows []row
	for _, m := range g.measures {
		if strings.Contains(m.what, text) {
			rows = append(rows, row{gauge.Row{What: m.what, Unit: m.unit, Target: m.target, Peer: against.Name}, m})
		}
	}
	old, our := &seat{kind: against, group: g}, &seat{kind: g.keybroker, group: g}
	defer old.leave()
	defer our.leave()
	for _, r := range rows {
		fmt.Fprintln(os.Stderr, "measuring", r.What)
	}
	for range g.rounds {
		for i := range rows {
			if err := b.turn(&rows[i], old, our); err != nil {
				return nil, fmt.Errorf("%s: %w", rows[i].What, err)
			}
		}
	}
	return rows, nil
}

func (b *bench) turn(r *row, old, our *seat) error {
	if err := b.ctx.Err(); err != nil {
		return err
	}
	before, err := old.turn(r.measure)
	if err != nil {
		return fmt.Errorf("%s: %w", old.kind.Name, err)
	}
	now, err := our.turn(r.measure)
	if err != nil {
		return fmt.Errorf("%s: %w", our.kind.Name, err)
	}
	r.Add(now, before)
	return nil
}

// seat is the place of one program in a group. Its agent runs from the first
// turn to the last one, or (fresh) for one turn.
type seat struct {
	kind  kind
	group group
	agent *agent // nil: none runs
}

func (s *seat) turn(m measure) (float64, error) {
	if s.agent == nil {
		var err error
		if s.agent, err = start(s.kind); err != nil {
			return 0, err
		}
		if err := s.agent.add(s.group.keys...); err != nil {
			return 0, err
		}
	}
	value, err := m.turn(s.agent)
	if s.group.fresh {
		s.leave()
	}
	return value, err
}

func (s *seat) leave() {
	if s.agent != nil {
		s.agent.Stop()
		s.agent = nil
	}
}

// raiseFiles raises the limit of open files for the connections of both sides: the agents
// inherit it.
func raiseFiles() error {
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		return err
	}
	const need = idleSize + 100
	if limit.Max < need {
		return fmt.Errorf("%d connections need more open files than the limit of %d\nraise it: ulimit -Hn %d", idleSize, limit.Max, need)
	}
	limit.Cur = limit.Max
	return syscall.Setrlimit(syscall.RLIMIT_NOFILE, &limit)
}
