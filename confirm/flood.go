package confirm

import (
	"fmt"
	"log/slog"
	"slices"
	"time"

	"github.com/keybroker/keybroker/keys"
	"github.com/keybroker/keybroker/platform"
)

// Limits on how often a program may have the person asked. One that asks over
// and over hopes for a click by mistake.
const (
	// FloodLimit is how many prompts within FloodWindow are shown; those that
	// the person allowed do not count (a rebase that signs forty commits).
	FloodLimit  = 20
	FloodWindow = time.Minute
	// FloodPause is how long a program that asked more often is refused.
	FloodPause = time.Minute
	// PauseTime is how long a program is refused when the person says so. It is
	// about as long as a loop that went wrong takes to be found.
	PauseTime = 10 * time.Minute
	// maxSources bounds what is remembered; with more programs than that
	// asking within a minute, new ones are refused.
	maxSources = 1024
)

// source is who asks, in one of the ways in which prompts are counted. A
// program that forks is still the same program on the same terminal and has
// the same parent; one that also copies itself has the same parent or
// container. The pause falls on an innocent program too when it shares one of these.
type source struct {
	how      string // "process", "program", "parent", "unidentified", or as sharedBy has it
	user     string
	pid      int
	start    uint64
	path     string
	terminal string
}

// count is what is remembered of one source.
type count struct {
	asked []time.Time // within the window, oldest first
	until time.Time   // the end of its pause
	said  bool        // the person wanted the pause
}

// floodGate counts prompts by their sources. Queue.mu guards it.
type floodGate struct{ sources map[source]*count }

// processOf is the process itself as a source. All those that could not be
// identified are one.
func processOf(use *keys.Use) source {
	switch {
	case use == nil:
		return source{}
	case !use.Peer.Identified:
		return source{how: "unidentified", user: use.Peer.User}
	}
	return process(use.Peer, use.Peer.Process, "process")
}

func process(peer platform.Peer, p platform.Process, how string) source {
	return source{how: how, user: peer.User, pid: p.PID, start: p.Start}
}

// sourcesOf returns nothing for a prompt that no program asked for.
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
	list = append(list, source{how: "program", user: peer.User, path: path, terminal: peer.Terminal})
	if len(peer.Parents) > 0 && peer.Parents[0].PID > 1 {
		list = append(list, process(peer, peer.Parents[0], "parent"))
	}
	for _, s := range sharedBy(use) {
		if s.how == "container" || s.how == "socket" { // the others may be everybody's
			list = append(list, s)
		}
	}
	return list
}

// admit refuses a prompt of a program that asks too often. One that it lets in is to be added.
func (g *floodGate) admit(use *keys.Use, now time.Time, log *slog.Logger) error {
	g.forgetOld(now)
	sources := sourcesOf(use)
	for _, s := range sources {
		c := g.sources[s]
		if c == nil {
			continue
		}
		if c.said && now.Before(c.until) {
			return paused(use, s, c.until)
		}
		if len(c.asked) >= FloodLimit {
			c.asked, c.until, c.said = nil, now.Add(FloodPause), false
			log.Warn("a program asks too often and is refused for a while", "program", program(use),
				"user", use.Peer.User, "counted_by", s.how, "limit", FloodLimit, "window", FloodWindow, "pause", FloodPause)
		}
		if now.Before(c.until) {
			return fmt.Errorf("%w: %s asked more than %d times within %s (counted by %s) and is refused until %s",
				errTooMany, program(use), FloodLimit, keys.ShortDuration(FloodWindow), s.how, c.until.Format(time.TimeOnly))
		}
	}
	if len(g.sources)+len(sources) > maxSources {
		return fmt.Errorf("%w: too many programs ask", errTooMany)
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
	return fmt.Errorf("%w: %s (counted by %s) until %s", errPaused, program(use), s.how, until.Format(time.TimeOnly))
}

// pause refuses what the process and its like on the same terminal ask, until
// then. What else the same parent or terminal starts is not meant: that may be a shell.
func (g *floodGate) pause(use *keys.Use, now time.Time, d time.Duration) (paused []source) {
	g.forgetOld(now)
	for _, s := range sourcesOf(use) {
		if s.how != "process" && s.how != "program" && s.how != "unidentified" {
			continue
		}
		if g.sources[s] == nil {
			g.sources[s] = &count{}
		}
		g.sources[s].until, g.sources[s].said = now.Add(d), true
		paused = append(paused, s)
	}
	return paused
}

// endPauses ends those that the person wanted, and returns how many there were.
func (g *floodGate) endPauses(now time.Time) (ended int) {
	for _, c := range g.sources {
		if c.said && now.Before(c.until) {
			c.until, c.said = time.Time{}, false
			ended++
		}
	}
	return ended
}

// forgive takes back the prompt that was asked at since.
func (g *floodGate) forgive(use *keys.Use, since time.Time) {
	for _, s := range sourcesOf(use) {
		if c := g.sources[s]; c != nil {
			if i := slices.Index(c.asked, since); i >= 0 {
				c.asked = slices.Delete(c.asked, i, i+1)
			}
		}
	}
}

// forgetOld drops what is out of the window.
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

// program names who asks, for a reason and for the log.
func program(use *keys.Use) string {
	switch {
	case use == nil:
		return "keybroker"
	case !use.Peer.Identified:
		return "an unidentified program"
	}
	return fmt.Sprintf("%s (pid %d)", quote(use.Peer.Name, MaxValue), use.Peer.PID)
}
