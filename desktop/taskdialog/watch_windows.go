package taskdialog

import (
	"time"

	"github.com/keybroker/keybroker/desktop/guard"
	"github.com/keybroker/keybroker/desktop/plain"
	"github.com/keybroker/keybroker/desktop/question"
)

// windowTitle is the same for every question: the system shows it in lists of windows.
const windowTitle = "keybroker"

const (
	// ownEnd is how long after the end of its time a dialog closes by itself. The
	// broker ends it before; this is for one that hangs.
	ownEnd = 2 * time.Second
	// raisePause keeps two windows that both want to be on top from a fight.
	raisePause = time.Second
)

// watch looks after one dialog on the screen, from the dialog's own thread.
type watch struct {
	q      question.Question
	gone   <-chan struct{}
	window uintptr
	begun  time.Time
	raised time.Time
	guard  guard.Guard
	stood  time.Time // with guard.Stands
	seen   view
}

// begin puts the dialog on top. Only where something is to be typed does it ask
// for the keyboard. A notice stands in the corner: it must not cover a question.
func (w *watch) begin(window uintptr) {
	w.window, w.begun = window, time.Now()
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
	if time.Since(w.raised) >= raisePause {
		w.raised = time.Now()
		_, _, _ = setWindowPos.Call(w.window, topmost, 0, 0, 0, 0, swpNoMove|swpNoSize|swpNoFocus)
	}
}

func (w *watch) toCorner() {
	at, err := place(w.window)
	if area := workArea(); err == nil {
		_, _, _ = setWindowPos.Call(w.window, topmost, uintptr(area.right-at.width()), uintptr(area.bottom-at.height()), 0, 0, swpNoSize|swpNoFocus)
	}
}

// fits says whether all of the dialog has a place on the screen.
func (w *watch) fits() bool {
	at, err := place(w.window)
	area := workArea()
	return err == nil && at.width() <= area.width() && at.height() < area.height()
}

// over says whether the dialog has to go: nobody waits for its answer.
func (w *watch) over() bool {
	select {
	case <-w.gone:
		return true
	default:
		return w.q.Time > 0 && w.left() < -ownEnd
	}
}

func (w *watch) left() time.Duration { return w.q.Time - time.Since(w.begun) }

// look surveys the dialog, and disarms it when anything about it has changed
// or another window took the keyboard.
func (w *watch) look() {
	now, err := survey(w.window)
	if lost := w.seen.foreground && !now.foreground; err != nil || lost || now != w.ignoringFocus(now) {
		w.guard.Fall()
	}
	w.seen = now
	switch {
	case err != nil:
	case now.covered && w.q.Kind != question.Notice:
		w.raise()
	case !now.covered && !now.outside && !w.guard.Stands():
		w.guard.Stand(ticks())
		w.stood = time.Now()
	}
	if w.guard.Stands() && time.Since(w.stood) >= guard.Delay {
		w.guard.Show()
	}
}

// ignoringFocus is what was seen, with the keyboard where it is now.
func (w *watch) ignoringFocus(now view) view {
	seen := w.seen
	seen.foreground = now.foreground
	return seen
}

// counts says whether the press that is handled now was meant for this dialog.
func (w *watch) counts(allows bool) bool {
	if allows {
		return w.guard.Armed(messageTime())
	}
	return time.Since(w.begun) >= guard.Delay // before, it was meant for another window
}

const (
	cutOff    = "A part of this window is cut off. It allows nothing until all of it is seen."
	liesBelow = "Something lies over this window. It allows nothing until all of it is seen."
)

// status is one line. None is longer than liesBelow, for which there is room.
func (w *watch) status() string {
	switch silence := plain.Silence(w.q, w.left()); {
	case w.seen.outside:
		return cutOff
	case w.seen.covered:
		return liesBelow
	case w.q.Kind == question.Notice:
		return "There is nothing to click. Esc refuses."
	case w.q.Kind == question.Secret:
		return silence + " Keys: Enter when typed, Esc cancels."
	default:
		return silence + " Enter and Esc deny."
	}
}
