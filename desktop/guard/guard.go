// Package guard decides whether a press in a question's window counts as an answer.
package guard

import "time"

// Delay is how long the whole window must have been visible and in one place before
// anything in it allows. A person needs about that long to notice a new window: an
// earlier click or key was meant for what was there before. A click just as another
// window goes away may have been lured there.
const Delay = 800 * time.Millisecond

// Guard decides when the buttons that allow accept a press. It uses the clock that
// stamps every press (the display server's, Windows' tick count), so a press that
// arrives late is judged correctly. Times are in milliseconds and wrap after 49 days.
type Guard struct {
	started    bool // the window has been whole, uncovered and unmoved since start
	start      uint32
	shownArmed bool
}

// Disarm ends the wait: the window is covered, moved or gone.
func (g *Guard) Disarm() { *g = Guard{} }

// Start begins the wait at this time.
func (g *Guard) Start(now uint32) { *g = Guard{started: true, start: now} }

// MarkShown records that the buttons are drawn as armed.
func (g *Guard) MarkShown() { g.shownArmed = g.started }

// Accepts reports whether a press at this time counts.
func (g *Guard) Accepts(press uint32) bool {
	waited := int32(press - g.start) // also correct after a wrap
	return g.started && g.shownArmed && waited >= int32(Delay/time.Millisecond)
}

// Started reports whether the wait has begun.
func (g *Guard) Started() bool { return g.started }

// ShownArmed reports whether the buttons are drawn as armed.
func (g *Guard) ShownArmed() bool { return g.shownArmed }
