package taskdialog

import (
	"time"

	"golang.org/x/sys/windows"

	"github.com/keybroker/keybroker/desktop/guard"
	"github.com/keybroker/keybroker/desktop/plain"
	"github.com/keybroker/keybroker/desktop/question"
)

// windowTitle is the same for every question, because the system shows it in lists of
// windows.
const windowTitle = "keybroker"

const (
	// overtime is how long after its timeout a dialog closes by itself, in case the
	// broker hangs.
	overtime = 2 * time.Second
	// raisePause keeps two windows that both want to be on top from fighting.
	raisePause = time.Second
)

// watch supervises one dialog on the screen, on the thread of the dialog.
type watch struct {
	q          question.Question
	gone       <-chan struct{}
	window     uintptr
	start      time.Time
	shown      time.Time // when it was first seen on the screen; zero: not yet
	lastRaise  time.Time
	guard      guard.Guard
	guardStart time.Time // valid while guard.Started
	seen       view
}

// begin puts the dialog on top. It takes the keyboard only if the person must type. A
// notice goes to the corner, so that it does not cover a question.
func (w *watch) begin(window uintptr) {
	w.window, w.start = window, time.Now()
	if w.q.Kind == question.Notice {
		w.toCorner()
		return
	}
	w.raise()
	if w.q.Kind == question.Secret {
		_, _, _ = setForegroundWindow.Call(window)
	}
}

func (w *watch) raise() {
	if time.Since(w.lastRaise) >= raisePause {
		w.lastRaise = time.Now()
		_, _, _ = setWindowPos.Call(w.window, topmost, 0, 0, 0, 0, swpNoMove|swpNoSize|swpNoFocus)
	}
}

func (w *watch) toCorner() {
	at, err := windowRect(w.window)
	if area := workArea(); err == nil {
		_, _, _ = setWindowPos.Call(w.window, topmost, uintptr(area.right-at.width()), uintptr(area.bottom-at.height()), 0, 0, swpNoSize|swpNoFocus)
	}
}

// fits reports whether the whole dialog fits on the screen.
func (w *watch) fits() bool {
	at, err := windowRect(w.window)
	area := workArea()
	return err == nil && at.width() <= area.width() && at.height() < area.height()
}

// isOver reports whether nobody waits for the answer any more.
func (w *watch) isOver() bool {
	select {
	case <-w.gone:
		return true
	default:
		return w.q.Time > 0 && w.left() < -overtime
	}
}

func (w *watch) left() time.Duration { return w.q.Time - time.Since(w.start) }

// check surveys the dialog and disarms it when anything has changed or another window
// took the keyboard.
func (w *watch) check() {
	if w.shown.IsZero() && windows.IsWindowVisible(windows.HWND(w.window)) {
		w.shown = time.Now()
	}
	now, err := survey(w.window)
	if lost := w.seen.foreground && !now.foreground; err != nil || lost || now != w.seenWithFocusOf(now) {
		w.guard.Disarm()
	}
	w.seen = now
	switch {
	case err != nil:
	case now.covered && w.q.Kind != question.Notice:
		w.raise()
	case !now.covered && !now.clipped && !w.guard.Started():
		w.guard.Start(ticks())
		w.guardStart = time.Now()
	}
	if w.guard.Started() && time.Since(w.guardStart) >= guard.Delay {
		w.guard.MarkShown()
	}
}

// seenWithFocusOf is the last view with the focus of now.
func (w *watch) seenWithFocusOf(now view) view {
	seen := w.seen
	seen.foreground = now.foreground
	return seen
}

// accepts reports whether the current press was meant for this dialog.
func (w *watch) accepts(allows bool) bool {
	if allows {
		return w.guard.Accepts(messageTime())
	}
	return !w.shown.IsZero() && time.Since(w.shown) >= guard.Delay // an earlier press was meant for another window
}

const (
	clippedText = "Part of this window is off the screen. It allows nothing until all of it is visible."
	coveredText = "Another window covers this one. It allows nothing until all of it is visible."
)

// status is one line. No text is longer than clippedText, for which form has room.
func (w *watch) status() string {
	switch timeout := plain.TimeoutText(w.q, w.left()); {
	case w.seen.clipped:
		return clippedText
	case w.seen.covered:
		return coveredText
	case w.q.Kind == question.Notice:
		return "There is nothing to click. Esc refuses."
	case w.q.Kind == question.Secret:
		return timeout + " Enter submits, Esc cancels."
	default:
		return timeout + " Enter and Esc deny."
	}
}
