//go:build linux

package ways

import (
	"testing"
	"time"

	"github.com/keybroker/keybroker/confirm"
	"github.com/keybroker/keybroker/confirm/confirmtest"
)

// At twice the size on a small screen a question is shown all the same, in smaller letters.
func TestWindowOnASmallScreen(t *testing.T) {
	t.Parallel()
	d := newDesktopOf(t, "800x600x24")
	d.manage(t, "off")
	w := newWindowOn(t, d)
	w.env = d.with("GDK_SCALE", "2")
	answer := confirmtest.Ask(t, w, confirmtest.Login(t))
	id := d.shown(t)
	width, height := d.size(t, id)
	if width > 800 || height > 600 {
		t.Errorf("it is %dx%d", width, height)
	}
	d.whenArmed(t, id)
	d.clickOnce(t, id)
	if a := <-answer; a.Verdict != confirm.AllowOnce {
		t.Errorf("%q, %q", a.Verdict, a.Reason)
	}
}

// Where even that does not do, the person is told why it is refused.
func TestWindowOnATinyScreen(t *testing.T) {
	t.Parallel()
	d := newDesktopOf(t, "500x330x24")
	w := newWindowOn(t, d)
	answer := confirmtest.Ask(t, w, confirmtest.Login(t))
	id := d.window(t)
	d.unanswered(t, answer, id, "a notice")
	d.do(t, "key", "Escape")
	a := <-answer
	confirmtest.Check(t, a, nil, "", "the facts do not fit on the screen")
}

// Tab goes from button to button; Enter presses the one that it has stood on for a
// moment, and nothing for a person who types on (testStrayKeys).
func TestWindowByTab(t *testing.T) {
	t.Parallel()
	d := newDesktop(t)
	d.manage(t, "off")
	w := newWindowOn(t, d)
	for _, test := range []struct {
		keys    []string
		verdict confirm.Verdict
	}{
		{[]string{"Tab"}, confirm.Deny},
		{[]string{"shift+Tab"}, confirm.AllowOnce},
		{[]string{"Tab", "Tab", "Tab"}, confirm.AllowFor},
		{[]string{"Tab", "Tab", "Tab", "Tab", "Tab"}, confirm.Deny},
	} {
		answer := confirmtest.Ask(t, w, confirmtest.Login(t))
		id := d.shown(t)
		d.whenArmed(t, id)
		d.do(t, "windowfocus", "--sync", id)
		d.do(t, append([]string{"key"}, test.keys...)...)
		d.do(t, "key", "Return") // early: it takes the ring away
		d.unanswered(t, answer, id, "an early Enter")
		d.do(t, append([]string{"key"}, test.keys...)...)
		time.Sleep(1200 * time.Millisecond) // longer than the ring must stand
		d.do(t, "key", "Return")
		if a := <-answer; a.Verdict != test.verdict {
			t.Errorf("%q: %q, %q", test.keys, a.Verdict, a.Reason)
		}
	}
}

// A dark desktop gets a dark window.
func TestWindowInTheDark(t *testing.T) {
	t.Parallel()
	d := newDesktop(t)
	for theme, want := range map[string]string{"": "255,255,255", "Adwaita": "255,255,255", "Adwaita:dark": "30,34,40"} {
		w := newWindowOn(t, d)
		w.env = d.with("GTK_THEME", theme)
		answer := confirmtest.Ask(t, w, confirmtest.Login(t))
		id := d.window(t)
		d.until(t, "it is of the theme "+theme, func() bool { return d.pixel(t, id, 6, 40) == want })
		d.do(t, "key", "Escape")
		<-answer
	}
}

// with is the desktop's environment with one more variable.
func (d *desktop) with(name, value string) func(string) string {
	return func(asked string) string {
		if asked == name {
			return value
		}
		return d.env(asked)
	}
}
