//go:build linux

package ways

import (
	"errors"
	"fmt"
	"image"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/keybroker/keybroker/confirm"
	"github.com/keybroker/keybroker/confirm/confirmtest"
	"github.com/keybroker/keybroker/platform/platformtest"
)

// builtWindow is the path of the window program that TestMain builds.
var builtWindow string

func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "keybroker-window-")
	if err != nil {
		panic(err)
	}
	builtWindow = filepath.Join(dir, windowProgram)
	build := exec.Command("go", "build", "-o", builtWindow, "../../cmd/keybroker-desktop")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	code := 1
	if out, err := build.CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "%v\n%s", err, out)
	} else {
		code = m.Run()
	}
	os.RemoveAll(dir)
	os.Exit(code)
}

// newWindowOn returns a window on a desktop. Its program has a path that only this test
// has.
func newWindowOn(t *testing.T, d *desktop) *window { return newWindowIn(t, d.env) }

func newWindowIn(t *testing.T, env func(string) string) *window {
	t.Helper()
	path := filepath.Join(t.TempDir(), windowProgram)
	if err := os.Link(builtWindow, path); err != nil {
		if err := os.CopyFS(filepath.Dir(path), os.DirFS(filepath.Dir(builtWindow))); err != nil {
			t.Fatal(err)
		}
	}
	w, err := newWindow(path, env)
	if err != nil {
		t.Fatal(err)
	}
	return w
}

// startWindowManager starts xfwm4 on the desktop.
func (d *desktop) startWindowManager(t *testing.T, compositor string) {
	t.Helper()
	wm := exec.Command(findProgram(t, "dbus-run-session"), "--", findProgram(t, "xfwm4"), "--compositor="+compositor)
	home := platformtest.Home(t, "keybroker-wm-")
	wm.Env = []string{"DISPLAY=" + d.display, "HOME=" + home, "XDG_RUNTIME_DIR=" + home, "PATH=" + os.Getenv("PATH")}
	wm.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // including the bus and its services
	ended, err := platformtest.Start(wm)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		syscall.Kill(-wm.Process.Pid, syscall.SIGTERM)
		<-ended
	})
	d.waitUntil(t, "the window manager runs", func() bool {
		out, _ := d.program("xprop", "-root", "_NET_SUPPORTING_WM_CHECK").Output()
		return strings.Contains(string(out), "window id")
	})
}

func (d *desktop) program(name string, args ...string) *exec.Cmd {
	cmd := exec.Command(name, args...)
	cmd.Env = []string{"DISPLAY=" + d.display, "HOME=" + d.home, "PATH=" + os.Getenv("PATH")}
	return cmd
}

// waitUntil waits for a condition.
func (d *desktop) waitUntil(t testing.TB, what string, holds func() bool) {
	t.Helper()
	for end := time.Now().Add(confirmtest.Patience); !holds(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(end) {
			t.Errorf("waited too long until %s", what)
			return
		}
	}
}

// pixel is the colour at a point of a window, as "R,G,B".
func (d *desktop) pixel(t testing.TB, window string, x, y int) string {
	t.Helper()
	if window == "" { // import would wait for a click
		return ""
	}
	out, err := d.program("import", "-window", window, "-crop", fmt.Sprintf("1x1+%d+%d", x, y), "-depth", "8", "txt:-").Output()
	if err != nil {
		return ""
	}
	_, rest, _ := strings.Cut(string(out), "0,0: (")
	colour, _, _ := strings.Cut(rest, ")")
	return colour
}

// size is a window's width and height.
func (d *desktop) size(t testing.TB, window string) (width, height int) {
	t.Helper()
	for line := range strings.Lines(d.xdotool(t, "getwindowgeometry", "--shell", window)) {
		fmt.Sscanf(line, "WIDTH=%d", &width)
		fmt.Sscanf(line, "HEIGHT=%d", &height)
	}
	return width, height
}

// Places of the buttons, measured from the nearest edges.
const (
	buttonAbove   = 30 // the middle of the buttons, above the lower edge
	allowOnceLeft = 50 // "Allow once", left of the right edge
)

const (
	armedGreen   = "31,105,58"
	disabledGrey = "216,219,224"
)

// waitArmed waits until "Allow once" is green.
func (d *desktop) waitArmed(t testing.TB, window string) {
	t.Helper()
	width, height := d.size(t, window)
	d.waitUntil(t, "the buttons are armed", func() bool {
		return d.pixel(t, window, width-allowOnceLeft, height-buttonAbove-12) == armedGreen
	})
}

func (d *desktop) clickAllowOnce(t testing.TB, window string) {
	t.Helper()
	width, height := d.size(t, window)
	d.xdotool(t, "mousemove", "--window", window, fmt.Sprint(width-allowOnceLeft), fmt.Sprint(height-buttonAbove), "click", "1")
}

// waitShown waits for the window and does not move the keyboard focus.
func (d *desktop) waitShown(t testing.TB) string {
	t.Helper()
	id := ""
	d.waitUntil(t, "the window is shown", func() bool {
		id = d.shown(t)
		return id != ""
	})
	return id
}

// shown is the prompt's window, if there is one now.
func (d *desktop) shown(t testing.TB) string {
	t.Helper()
	id := d.xdotool(t, "search", "--onlyvisible", "--name", "^keybroker$")
	if strings.Contains(id, "\n") { // the one before is on its way out
		return ""
	}
	return id
}

// wantNoAnswer fails when an answer follows an input that must not give one. Its request
// makes the server handle all earlier input first.
func (d *desktop) wantNoAnswer(t *testing.T, answer <-chan confirm.Answer, window, what string) {
	t.Helper()
	d.xdotool(t, "getwindowname", window)
	select {
	case a := <-answer:
		t.Fatalf("%s: answered %q, %q", what, a.Verdict, a.Reason)
	case <-time.After(200 * time.Millisecond):
	}
}

func TestWindowUnderAWindowManager(t *testing.T) {
	t.Parallel()
	for _, compositor := range []string{"off", "on"} {
		t.Run("compositor "+compositor, func(t *testing.T) {
			t.Parallel()
			d := newDesktop(t)
			d.startWindowManager(t, compositor)
			w := newWindowOn(t, d)
			t.Run("stray keys", func(t *testing.T) { testStrayKeys(t, d, w) })
			t.Run("early click", func(t *testing.T) { testEarlyClick(t, d, w) })
			t.Run("covered", func(t *testing.T) { testCovered(t, d, w) })
			t.Run("forged", func(t *testing.T) { testForged(t, d, w) })
			t.Run("moved", func(t *testing.T) { testMoved(t, d, w) })
			t.Run("half a click", func(t *testing.T) { testHalfAClick(t, d, w) })
		})
	}
}

// The window that has the keyboard keeps it, and a person who keeps typing answers
// nothing.
func testStrayKeys(t *testing.T, d *desktop, w *window) {
	typist := d.program(findProgram(t, "xterm"), "-geometry", "20x5+0+0", "-T", "typist", "-e", "cat")
	if err := typist.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() { typist.Process.Kill(); typist.Wait() }()
	other := ""
	d.waitUntil(t, "the other window is shown", func() bool {
		other = d.xdotool(t, "search", "--onlyvisible", "--name", "^typist$")
		return other != ""
	})
	d.xdotool(t, "windowfocus", "--sync", other)
	before := d.xdotool(t, "getwindowfocus")
	answer := confirmtest.Ask(t, w, confirmtest.Login(t))
	id := d.waitShown(t)
	d.waitArmed(t, id)
	if focus := d.xdotool(t, "getwindowfocus"); focus != before {
		t.Errorf("the window took the keyboard from %s: %s", before, focus)
	}
	d.xdotool(t, "windowfocus", "--sync", id)
	d.xdotool(t, "key", "--delay", "30", "Return", "space", "Tab", "Return", "space", "a", "f", "y", "Y", "ctrl+a", "ctrl+alt+a", "shift+alt+a", "super+alt+a", "Down", "KP_Enter")
	d.wantNoAnswer(t, answer, id, "a stray key")
	d.xdotool(t, "key", "alt+a")
	if a := <-answer; a.Verdict != confirm.AllowOnce { // so the window did get the keys above
		t.Errorf("Alt+A: %q, %q", a.Verdict, a.Reason)
	}
}

// A click within the first 0.8 s does nothing. The test knows that its click was that early
// if the window was still absent 0.8 s before; a busy machine may need several tries.
func testEarlyClick(t *testing.T, d *desktop, w *window) {
	const tries, delay = 5, 800 * time.Millisecond
	for range tries {
		answer := confirmtest.Ask(t, w, confirmtest.Login(t))
		absent, id := time.Now(), ""
		d.waitUntil(t, "the window is shown", func() bool {
			looked := time.Now()
			if id = d.shown(t); id == "" {
				absent = looked
			}
			return id != ""
		})
		d.clickAllowOnce(t, id)
		d.xdotool(t, "windowfocus", id)
		d.xdotool(t, "key", "alt+a")
		if time.Since(absent) < delay {
			d.wantNoAnswer(t, answer, id, "a click or key that came early")
			d.waitArmed(t, id)
			d.clickAllowOnce(t, id)
			if a := <-answer; a.Verdict != confirm.AllowOnce {
				t.Errorf("the same click later: %q, %q", a.Verdict, a.Reason)
			}
			return
		}
		d.xdotool(t, "key", "Escape") // denies, if the window is still there
		<-answer
	}
	t.Skip("this machine is too busy to click within 0.8 s; TestGuard does not depend on it")
}

// A window that covers even an edge of ours disarms it. When that window goes, the wait
// starts again. No window manager may put it below.
func testCovered(t *testing.T, d *desktop, w *window) {
	answer := confirmtest.Ask(t, w, confirmtest.Login(t))
	id := d.waitShown(t)
	d.waitArmed(t, id)
	uncover := d.cover(t, image.Rect(0, 0, 330, 350))
	width, height := d.size(t, id)
	d.waitUntil(t, "the window is disarmed", func() bool {
		return d.pixel(t, id, width-allowOnceLeft, height-buttonAbove-12) != armedGreen
	})
	d.xdotool(t, "windowfocus", id)
	d.xdotool(t, "key", "alt+a")
	d.clickAllowOnce(t, id)
	d.wantNoAnswer(t, answer, id, "a covered window")
	d.touch(t, id, "_KEYBROKER_TIME") // whose change tells the window the time
	time.Sleep(1200 * time.Millisecond)
	d.xdotool(t, "windowfocus", id)
	d.xdotool(t, "key", "alt+a")
	d.wantNoAnswer(t, answer, id, "a covered window after another program changed its property")
	uncover()
	d.waitArmed(t, id)
	d.clickAllowOnce(t, id)
	if a := <-answer; a.Verdict != confirm.AllowOnce {
		t.Errorf("uncovered again: %q, %q", a.Verdict, a.Reason)
	}
}

// Forged events do nothing: they do not even deny. The person's click still works.
func testForged(t *testing.T, d *desktop, w *window) {
	answer := confirmtest.Ask(t, w, confirmtest.Login(t))
	id := d.waitShown(t)
	d.waitArmed(t, id)
	d.forge(t, id)
	d.wantNoAnswer(t, answer, id, "forged events")
	d.clickAllowOnce(t, id)
	if a := <-answer; a.Verdict != confirm.AllowOnce {
		t.Errorf("a real click: %q, %q", a.Verdict, a.Reason)
	}
}

func testMoved(t *testing.T, d *desktop, w *window) {
	answer := confirmtest.Ask(t, w, confirmtest.Login(t))
	id := d.waitShown(t)
	d.waitArmed(t, id)
	d.xdotool(t, "windowfocus", id)
	d.xdotool(t, "windowmove", "--sync", id, "10", "40", "key", "alt+a") // in one run, so that the window cannot arm again
	d.wantNoAnswer(t, answer, id, "a window that moved")
	d.waitArmed(t, id)
	d.xdotool(t, "key", "alt+a")
	if a := <-answer; a.Verdict != confirm.AllowOnce {
		t.Errorf("at rest again: %q, %q", a.Verdict, a.Reason)
	}
}

// pressedGreen is the colour of "Allow once" while it is pressed.
const pressedGreen = "15,52,29"

// A press and a release at different places are no click. A window manager may hold back
// the first press to raise the window, and the server then loses a move that follows at
// once, so each step waits until the previous one is visible.
func testHalfAClick(t *testing.T, d *desktop, w *window) {
	answer := confirmtest.Ask(t, w, confirmtest.Login(t))
	id := d.waitShown(t)
	d.waitArmed(t, id)
	width, height := d.size(t, id)
	drawn := func(colour string) func() bool {
		return func() bool { return d.pixel(t, id, width-allowOnceLeft, height-buttonAbove-12) == colour }
	}
	moveOn := func() { d.moveTo(t, id, width-allowOnceLeft, height-buttonAbove) }
	moveOff := func() { d.moveTo(t, id, width/2, 60) }
	moveOn()
	d.xdotool(t, "mousedown", "1")
	d.waitUntil(t, "the button is pressed", drawn(pressedGreen))
	moveOff()
	d.xdotool(t, "mouseup", "1")
	d.waitUntil(t, "the button is released", drawn(armedGreen))
	d.xdotool(t, "mousedown", "1")
	moveOn()
	d.xdotool(t, "mouseup", "1")
	d.xdotool(t, "click", "3")
	d.wantNoAnswer(t, answer, id, "half a click, or another button")
	d.clickAllowOnce(t, id)
	if a := <-answer; a.Verdict != confirm.AllowOnce {
		t.Errorf("a whole click: %q, %q", a.Verdict, a.Reason)
	}
}

func TestWindowWithoutADisplay(t *testing.T) {
	t.Parallel()
	d := newDesktop(t)
	w := newWindowOn(t, d)
	w.env = func(name string) string {
		if name == "DISPLAY" {
			return ":987"
		}
		return d.env(name)
	}
	a, err := w.Ask(t.Context(), confirmtest.Login(t))
	confirmtest.Check(t, a, err, "", "display: cannot connect to :987")
}

func TestWindowDisplayDies(t *testing.T) {
	t.Parallel()
	d := newDesktop(t)
	w := newWindowOn(t, d)
	answer := confirmtest.Ask(t, w, confirmtest.Login(t))
	d.waitShown(t)
	os.Remove("/tmp/.X" + d.display[1:] + "-lock") // which a killed server leaves; ours while it runs
	os.Remove("/tmp/.X11-unix/X" + d.display[1:])
	if err := d.server.Kill(); err != nil {
		t.Fatal(err)
	}
	a := <-answer
	confirmtest.Check(t, a, nil, "", "the display went away")
}

// An answer counts only if it is whole and the program exits with 0.
func TestWindowCornerCases(t *testing.T) {
	for _, test := range []struct {
		lines   string
		verdict confirm.Verdict
		reason  string
	}{
		{"read -r q; echo allow-once", confirm.AllowOnce, "allowed by the person"},
		{"read -r q; echo allow-for", confirm.AllowFor, "allowed by the person"},
		{"read -r q; echo deny", confirm.Deny, "denied by the person"},
		{"read -r q; echo deny-for", confirm.DenyFor, "denied by the person"},
		{"read -r q; echo closed", confirm.Deny, "the prompt was closed"},
		{"read -r q; echo allow-once; echo allow-once", "", "the window gave no answer"},
		{"read -r q; echo allow-once; echo deny", "", "the window gave no answer"},
		{"read -r q; printf allow-once", "", "the window gave no answer"},
		{"read -r q; echo allow-once; exit 1", "", "exit status 1"},
		{"read -r q; echo allow-once; kill -9 $$", "", "signal: killed"},
		{"read -r q; echo typed; echo x", "", "the window gave no answer"},
		{"read -r q; echo ALLOW-ONCE", "", "the window gave no answer"},
		{"read -r q; exit 0", "", "the window gave no answer"},
		{"read -r q; head -c 100000 /dev/zero", "", "the window gave no answer"},
		{"read -r q; echo failed; printf 'no\\033[2J display'", "", `window: no\x1b(2J display`},
		{"exit 0", "", "ended without an answer"},
		{"read -r q; echo too-long", "", "do not fit on the screen"},
	} {
		a, err := windowOf(t, test.lines).Ask(t.Context(), confirmtest.Login(t))
		t.Run(test.lines, func(t *testing.T) { confirmtest.Check(t, a, err, test.verdict, test.reason) })
	}
	q := confirmtest.Login(t)
	q.Remember = 0
	a, err := windowOf(t, "read -r q; echo allow-for").Ask(t.Context(), q)
	confirmtest.Check(t, a, err, confirm.Deny, "denied by the person") // not offered
	if _, err := windowOf(t, "read -r q; printf 'typed\\n'").Secret(t.Context(), confirm.SecretQuestion{Title: "t"}); !errors.Is(err, confirm.ErrClosed) {
		t.Errorf("an empty passphrase: %v", err)
	}
	if _, err := windowOf(t, "read -r q; echo allow-once").Secret(t.Context(), confirm.SecretQuestion{Title: "t"}); err == nil {
		t.Error("an allowing word was returned as a passphrase")
	}
}

// windowOf returns a window whose program is a script.
func windowOf(t *testing.T, lines string) *window {
	t.Helper()
	w, err := newWindow(script(t, lines), plainEnv)
	if err != nil {
		t.Fatal(err)
	}
	return w
}

func TestNewWindow(t *testing.T) {
	dir := t.TempDir()
	plain := filepath.Join(dir, "plain")
	if err := os.WriteFile(plain, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]string{"": "is missing", "keybroker-desktop": "not an absolute path", dir: "is not a program", plain: "is not a program", dir + "/x": "is missing"} {
		if w, err := newWindow(path, os.Getenv); w != nil || err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, %v", path, w, err)
		}
	}
}
