package window

import "time"

// armDelay is how long the whole window must have been seen, unmoved, before
// anything in it allows. A person needs about that long to notice a new window:
// a click or a key that comes earlier was meant for what was there before, and
// one at the moment when another window is taken away may have been lured there.
const armDelay = 800 * time.Millisecond

// guard tells when the buttons that allow may be used. It goes by the display
// server's clock, which stamps every press: so it does not matter how late a
// press is heard of. Times are milliseconds, and start again from 0 after 49 days.
type guard struct {
	stands bool // whole, uncovered and unmoved, since:
	since  uint32
	ready  bool // the person has been shown that it is armed
}

// fall disarms: the window is covered, moved or not there.
func (g *guard) fall() { *g = guard{} }

// stand begins the wait, at a time of the server.
func (g *guard) stand(now uint32) { *g = guard{stands: true, since: now} }

// show says that the buttons are drawn as armed.
func (g *guard) show() { g.ready = g.stands }

// armed says whether a press at that time of the server counts.
func (g *guard) armed(press uint32) bool {
	waited := int32(press - g.since) // the clock may have started again
	return g.stands && g.ready && waited >= int32(armDelay/time.Millisecond)
}
