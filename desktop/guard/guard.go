// Package guard tells when a window that asks may take a press for an answer.
package guard

import "time"

// Delay is how long the whole window must have been seen, unmoved, before
// anything in it allows. A person needs about that long to notice a new window:
// a click or a key that comes earlier was meant for what was there before, and
// one at the moment when another window is taken away may have been lured there.
const Delay = 800 * time.Millisecond

// Guard tells when the buttons that allow may be used. It goes by the clock that
// stamps every press (the display server's, Windows' tick count): so it does not
// matter how late a press is heard of. Times are milliseconds, and start again
// from 0 after 49 days.
type Guard struct {
	stands bool // whole, uncovered and unmoved, since:
	since  uint32
	ready  bool // the person has been shown that it is armed
}

// Fall disarms: the window is covered, moved or not there.
func (g *Guard) Fall() { *g = Guard{} }

// Stand begins the wait, at a time of that clock.
func (g *Guard) Stand(now uint32) { *g = Guard{stands: true, since: now} }

// Show says that the buttons are drawn as armed.
func (g *Guard) Show() { g.ready = g.stands }

// Armed says whether a press at that time of the clock counts.
func (g *Guard) Armed(press uint32) bool {
	waited := int32(press - g.since) // the clock may have started again
	return g.stands && g.ready && waited >= int32(Delay/time.Millisecond)
}

// Stands says whether the wait has begun.
func (g *Guard) Stands() bool { return g.stands }

// Ready says whether the person has been shown that it is armed.
func (g *Guard) Ready() bool { return g.ready }
