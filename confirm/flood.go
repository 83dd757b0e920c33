package confirm

import (
	"fmt"
	"log/slog"
	"slices"
	"time"

	"github.com/keybroker/keybroker/keys"
	"github.com/keybroker/keybroker/platform"
)

// Limits on how often a program may ask the person. A program that asks over and
// over hopes for a click by mistake.
const (
	// FloodLimit is how many prompts within FloodWindow are shown. Allowed ones do
	// not count (a rebase that signs forty commits).
	FloodLimit  = 20
	FloodWindow = time.Minute
	// FloodPause is how long a program above the limit is refused.
	FloodPause = time.Minute
	// PauseTime is how long a program is refused when the person asks for that. It
	// is about as long as it takes to find a runaway loop.
	PauseTime = 10 * time.Minute
	// maxSources bounds the memory. When more programs ask within a minute, new
	// ones are refused.
	maxSources = 1024
)

// source is one property of the asking program by which prompts are counted. A
// program that forks keeps its file, terminal and parent; one that also copies itself
// keeps its parent or container. A pause also hits an innocent program that shares
// one of these.
type source struct {
	kind     string // "process", "program", "parent", "unidentified", or one of sharedBy
	user     string
	pid      int
	start    uint64
	path     string
	terminal string
}

// count is the record of one source.
type count struct {
	asked    []time.Time // within the window, oldest first
	until    time.Time   // the end of its pause
	byPerson bool        // the person asked for the pause
}

// floodGate counts prompts by their sources. Queue.mu guards it.
type floodGate struct{ sources map[source]*count }

// processOf is the process itself as a source. All unidentified processes of a user
// are one.
func processOf(use *keys.Use) source {
	switch {
	case use == nil:
		return source{}
	case !use.Peer.Identified:
		return source{kind: "unidentified", user: use.Peer.User}
	}
	return process(use.Peer, use.Peer.Process, "process")
}

func process(peer platform.Peer, p platform.Process, kind string) source {
	return source{kind: kind, user: peer.User, pid: p.PID, start: p.Start}
}

// sourcesOf is empty for a prompt that no program asked for.
func sourcesOf(use *keys.Use) []source {
	if use == nil {
		return nil
	}
	peer := use.Peer
	list := []source{processOf(use)}
	if !peer.Identified {
		return list
	}
	path := peer.Executable
	if path == "" {
		path = peer.Name
	}
	list = append(list, source{kind: "program", user: peer.User, path: path, terminal: peer.Terminal})
	if len(peer.Parents) > 0 && peer.Parents[0].PID > 1 {
		list = append(list, process(peer, peer.Parents[0], "parent"))
	}
	for _, s := range sharedBy(use) {
		if s.kind == "container" || s.kind == "socket" { // innocent programs share the others
			list = append(list, s)
		}
	}
	return list
}

// admit refuses a prompt of a program that asks too often. The caller adds an
// admitted prompt.
func (g *floodGate) admit(use *keys.Use, now time.Time, log *slog.Logger) error {
	g.forgetOld(now)
	sources := sourcesOf(use)
	for _, s := range sources {
		c := g.sources[s]
		if c == nil {
			continue
		}
		if c.byPerson && now.Before(c.until) {
			return paused(use, s, c.until)
		}
		if len(c.asked) >= FloodLimit {
			c.asked, c.until, c.byPerson = nil, now.Add(FloodPause), false
			log.Warn("a program asks too often and is refused for a while", "program", program(use),
				"user", use.Peer.User, "counted_by", s.kind, "limit", FloodLimit, "window", FloodWindow, "pause", FloodPause)
		}
		if now.Before(c.until) {
			return fmt.Errorf("%w: %s asked more than %d times within %s (counted by %s) and is refused until %s",
				errTooMany, program(use), FloodLimit, keys.ShortDuration(FloodWindow), s.kind, c.until.Format(time.TimeOnly))
		}
	}
	if len(g.sources)+len(sources) > maxSources {
		return fmt.Errorf("%w: too many programs are asking", errTooMany)
	}
	return nil
}

// add counts one prompt.
func (g *floodGate) add(use *keys.Use, now time.Time) {
	for _, s := range sourcesOf(use) {
		if g.sources[s] == nil {
			g.sources[s] = &count{}
		}
		g.sources[s].asked = append(g.sources[s].asked, now)
	}
}

// errPaused is why a program is refused without a question.
const errPaused = Refusal("denied by the person for a while")

func paused(use *keys.Use, s source, until time.Time) error {
	return fmt.Errorf("%w: %s (counted by %s) until %s", errPaused, program(use), s.kind, until.Format(time.TimeOnly))
}

// pause refuses all requests of this process, and of the same program on the same
// terminal, for d. Other programs of the same parent are not affected: it may be a shell.
func (g *floodGate) pause(use *keys.Use, now time.Time, d time.Duration) (paused []source) {
	g.forgetOld(now)
	for _, s := range sourcesOf(use) {
		if s.kind != "process" && s.kind != "program" && s.kind != "unidentified" {
			continue
		}
		if g.sources[s] == nil {
			g.sources[s] = &count{}
		}
		g.sources[s].until, g.sources[s].byPerson = now.Add(d), true
		paused = append(paused, s)
	}
	return paused
}

// endPauses ends the pauses that the person asked for and returns their number.
func (g *floodGate) endPauses(now time.Time) (ended int) {
	for _, c := range g.sources {
		if c.byPerson && now.Before(c.until) {
			c.until, c.byPerson = time.Time{}, false
			ended++
		}
	}
	return ended
}

// forgive uncounts the prompt that was added at since.
func (g *floodGate) forgive(use *keys.Use, since time.Time) {
	for _, s := range sourcesOf(use) {
		if c := g.sources[s]; c != nil {
			if i := slices.Index(c.asked, since); i >= 0 {
				c.asked = slices.Delete(c.asked, i, i+1)
			}
		}
	}
}

// forgetOld drops prompts outside the window.
func (g *floodGate) forgetOld(now time.Time) {
	if g.sources == nil {
		g.sources = map[source]*count{}
	}
	for s, c := range g.sources {
		c.asked = slices.DeleteFunc(c.asked, func(t time.Time) bool { return now.Sub(t) >= FloodWindow })
		if len(c.asked) == 0 && !now.Before(c.until) {
			delete(g.sources, s)
		}
	}
}

// program names the asking program for a reason or the log.
func program(use *keys.Use) string {
	switch {
	case use == nil:
		return "keybroker"
	case !use.Peer.Identified:
		return "an unidentified program"
	}
	return fmt.Sprintf("%s (pid %d)", quote(use.Peer.Name, MaxValue), use.Peer.PID)
}
