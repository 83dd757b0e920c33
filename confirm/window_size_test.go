//go:build linux

package confirm

import (
	"testing"
	"time"
)

// At twice the size on a small screen a question is shown all the same, in smaller letters.
func TestWindowOnASmallScreen(t *testing.T) {
	t.Parallel()
	d := newDesktopOf(t, "800x600x24")
	d.manage(t, "off")
	w := newWindowOn(t, d)
	w.env = d.with("GDK_SCALE", "2")
	answer := ask(t, w, login(t))
	id := d.shown(t)
	width, height := d.size(t, id)
	if width > 800 || height > 600 {
		t.Errorf("it is %dx%d", width, height)
	}
	d.whenArmed(t, id)
	d.clickOnce(t, id)
	if a := <-answer; a.Verdict != AllowOnce {
		t.Errorf("%q, %q", a.Verdict, a.Reason)
	}
}

// Where even that does not do, the person is told why it is refused.
func TestWindowOnATinyScreen(t *testing.T) {
	t.Parallel()
	d := newDesktopOf(t, "500x330x24")
	w := newWindowOn(t, d)
	answer := ask(t, w, login(t))
	id := d.window(t)
	d.unanswered(t, answer, id, "a notice")
	d.do(t, "key", "Escape")
	a := <-answer
	check(t, a, nil, "", "the facts do not fit on the screen")
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
		verdict Verdict
	}{
		{[]string{"Tab"}, Deny},
		{[]string{"shift+Tab"}, AllowOnce},
		{[]string{"Tab", "Tab", "Tab"}, AllowFor},
		{[]string{"Tab", "Tab", "Tab", "Tab", "Tab"}, Deny},
	} {
		answer := ask(t, w, login(t))
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
		answer := ask(t, w, login(t))
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
