//go:build linux

package ways

import (
	"slices"
	"testing"
	"time"

	"github.com/keybroker/keybroker/confirm"
	"github.com/keybroker/keybroker/confirm/confirmtest"
)

// A question that does not fit at scale 2 is shown with smaller text.
func TestWindowOnASmallScreen(t *testing.T) {
	t.Parallel()
	d := newDesktopOf(t, "800x600x24")
	d.startWindowManager(t, "off")
	w := newWindowOn(t, d)
	w.env = d.envWith("GDK_SCALE", "2")
	answer := confirmtest.Ask(t, w, confirmtest.Login(t))
	id := d.waitShown(t)
	width, height := d.size(t, id)
	if width > 800 || height > 600 {
		t.Errorf("the window is %dx%d", width, height)
	}
	d.waitArmed(t, id)
	d.clickAllowOnce(t, id)
	if a := <-answer; a.Verdict != confirm.AllowOnce {
		t.Errorf("%q, %q", a.Verdict, a.Reason)
	}
}

// When even that does not fit, a notice tells the person why the request is refused.
func TestWindowOnATinyScreen(t *testing.T) {
	t.Parallel()
	d := newDesktopOf(t, "500x330x24")
	w := newWindowOn(t, d)
	answer := confirmtest.Ask(t, w, confirmtest.Login(t))
	id := d.focusPrompt(t)
	d.wantNoAnswer(t, answer, id, "a notice")
	d.xdotool(t, "key", "Escape")
	a := <-answer
	confirmtest.Check(t, a, nil, "", "the facts do not fit on the screen")
}

// Tab moves a ring from button to button. Enter presses the button only after the ring has
// stayed there for a moment, so a person who keeps typing presses nothing (testStrayKeys).
func TestWindowTab(t *testing.T) {
	t.Parallel()
	d := newDesktop(t)
	d.startWindowManager(t, "off")
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
		id := d.waitShown(t)
		d.waitArmed(t, id)
		d.xdotool(t, "windowfocus", "--sync", id)
		d.xdotool(t, slices.Concat([]string{"key"}, test.keys, []string{"Return"})...) // too early: it removes the ring
		d.wantNoAnswer(t, answer, id, "an early Enter")
		d.xdotool(t, append([]string{"key"}, test.keys...)...)
		time.Sleep(1200 * time.Millisecond) // longer than the ring must stay
		d.xdotool(t, "key", "Return")
		if a := <-answer; a.Verdict != test.verdict {
			t.Errorf("%q: %q, %q", test.keys, a.Verdict, a.Reason)
		}
	}
}

// A dark desktop gets a dark window.
func TestWindowDarkTheme(t *testing.T) {
	t.Parallel()
	d := newDesktop(t)
	for theme, want := range map[string]string{"": "255,255,255", "Adwaita": "255,255,255", "Adwaita:dark": "30,34,40"} {
		w := newWindowOn(t, d)
		w.env = d.envWith("GTK_THEME", theme)
		answer := confirmtest.Ask(t, w, confirmtest.Login(t))
		id := d.focusPrompt(t)
		d.waitUntil(t, "the window has the colours of theme "+theme, func() bool { return d.pixel(t, id, 6, 40) == want })
		d.xdotool(t, "key", "Escape")
		<-answer
	}
}

// envWith is the desktop's environment with one more variable.
func (d *desktop) envWith(name, value string) func(string) string {
	return func(other string) string {
		if other == name {
			return value
		}
		return d.env(other)
	}
}
