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
)

// builtWindow is where TestMain has put the window's program.
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

// newWindowOn returns a window on a desktop, with a program under a name of its own.
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

// manage starts a window manager on the desktop.
func (d *desktop) manage(t *testing.T, compositor string) {
	t.Helper()
	wm := exec.Command(needs(t, "dbus-run-session"), "--", needs(t, "xfwm4"), "--compositor="+compositor)
	home, err := os.MkdirTemp("", "keybroker-wm-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(home) })
	wm.Env = []string{"DISPLAY=" + d.display, "HOME=" + home, "XDG_RUNTIME_DIR=" + home, "PATH=" + os.Getenv("PATH")}
	wm.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // with the bus and what that starts
	if err := wm.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		syscall.Kill(-wm.Process.Pid, syscall.SIGTERM)
		wm.Wait()
		// Its settings daemon writes files to the last.
		d.until(t, "the window manager's programs are gone", func() bool { return processesWithHome(home) == "" })
	})
	d.until(t, "the window manager is there", func() bool {
		out, _ := d.program("xprop", "-root", "_NET_SUPPORTING_WM_CHECK").Output()
		return strings.Contains(string(out), "window id")
	})
}

// processesWithHome lists the processes that live and have this home.
func processesWithHome(home string) string {
	var found []string
	dirs, _ := filepath.Glob("/proc/[0-9]*")
	for _, dir := range dirs {
		env, _ := os.ReadFile(dir + "/environ") // empty for one that has ended
		if strings.Contains("\x00"+string(env), "\x00HOME="+home+"\x00") {
			found = append(found, dir)
		}
	}
	return strings.Join(found, " ")
}

func (d *desktop) program(name string, args ...string) *exec.Cmd {
	cmd := exec.Command(name, args...)
	cmd.Env = []string{"DISPLAY=" + d.display, "HOME=" + d.home, "PATH=" + os.Getenv("PATH")}
	return cmd
}

// until waits for a condition.
func (d *desktop) until(t testing.TB, what string, holds func() bool) {
	t.Helper()
	for end := time.Now().Add(confirmtest.Patience); !holds(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(end) {
			t.Errorf("it never came to be: %s", what)
			return
		}
	}
}

// pixel is the colour at a place of a window, as "R,G,B".
func (d *desktop) pixel(t testing.TB, window string, x, y int) string {
	t.Helper()
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
	for line := range strings.Lines(d.do(t, "getwindowgeometry", "--shell", window)) {
		fmt.Sscanf(line, "WIDTH=%d", &width)
		fmt.Sscanf(line, "HEIGHT=%d", &height)
	}
	return width, height
}

// Places of the buttons from the corner that they are next to.
const (
	buttonAbove = 30 // the middle of the buttons above the lower edge
	onceLeft    = 50 // "Allow once" from the right edge
)

const (
	armedGreen = "31,105,58"
	asleepGrey = "216,219,224"
)

// whenArmed waits until "Allow once" is green.
func (d *desktop) whenArmed(t testing.TB, window string) {
	t.Helper()
	width, height := d.size(t, window)
	d.until(t, "the buttons are armed", func() bool {
		return d.pixel(t, window, width-onceLeft, height-buttonAbove-12) == armedGreen
	})
}

func (d *desktop) clickOnce(t testing.TB, window string) {
	t.Helper()
	width, height := d.size(t, window)
	d.do(t, "mousemove", "--window", window, fmt.Sprint(width-onceLeft), fmt.Sprint(height-buttonAbove), "click", "1")
}

// shown waits for the window and leaves the keyboard where it is.
func (d *desktop) shown(t testing.TB) string {
	t.Helper()
	id := ""
	d.until(t, "the window is shown", func() bool {
		id = d.do(t, "search", "--onlyvisible", "--name", "^keybroker$")
		return id != "" && !strings.Contains(id, "\n")
	})
	return id
}

// unanswered fails when there is an answer, after a key that would have given
// one: "sync" makes the server hear of everything before.
func (d *desktop) unanswered(t *testing.T, answer <-chan confirm.Answer, window, what string) {
	t.Helper()
	d.do(t, "getwindowname", window)
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
			d.manage(t, compositor)
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

// The keyboard stays with the window that had it, and no key of a person who
// types on does anything.
func testStrayKeys(t *testing.T, d *desktop, w *window) {
	typist := d.program(needs(t, "xterm"), "-geometry", "20x5+0+0", "-T", "typist", "-e", "cat")
	if err := typist.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() { typist.Process.Kill(); typist.Wait() }()
	other := ""
	d.until(t, "the other window is there", func() bool {
		other = d.do(t, "search", "--onlyvisible", "--name", "^typist$")
		return other != ""
	})
	d.do(t, "windowfocus", "--sync", other)
	before := d.do(t, "getwindowfocus")
	answer := confirmtest.Ask(t, w, confirmtest.Login(t))
	id := d.shown(t)
	d.whenArmed(t, id)
	if focus := d.do(t, "getwindowfocus"); focus != before {
		t.Errorf("the window took the keyboard from %s: %s", before, focus)
	}
	d.do(t, "windowfocus", "--sync", id)
	d.do(t, "key", "--delay", "30", "Return", "space", "Tab", "Return", "space", "a", "f", "y", "Y", "ctrl+a", "ctrl+alt+a", "shift+alt+a", "super+alt+a", "Down", "KP_Enter")
	d.unanswered(t, answer, id, "a stray key")
	d.do(t, "key", "alt+a")
	if a := <-answer; a.Verdict != confirm.AllowOnce { // so the keys above did reach it
		t.Errorf("Alt+A: %q, %q", a.Verdict, a.Reason)
	}
}

func testEarlyClick(t *testing.T, d *desktop, w *window) {
	answer := confirmtest.Ask(t, w, confirmtest.Login(t))
	id := d.shown(t)
	d.clickOnce(t, id)
	d.do(t, "windowfocus", id)
	d.do(t, "key", "alt+a")
	d.unanswered(t, answer, id, "a click or key that came early")
	d.whenArmed(t, id)
	d.clickOnce(t, id)
	if a := <-answer; a.Verdict != confirm.AllowOnce {
		t.Errorf("the same click later: %q, %q", a.Verdict, a.Reason)
	}
	d.leavesNothing(t, w)
}

// A window over ours, even over its edge only, disarms it; when it goes, the
// wait begins anew. It is one that no window manager may put below.
func testCovered(t *testing.T, d *desktop, w *window) {
	answer := confirmtest.Ask(t, w, confirmtest.Login(t))
	id := d.shown(t)
	d.whenArmed(t, id)
	uncover := d.cover(t, image.Rect(0, 0, 330, 350))
	width, height := d.size(t, id)
	d.until(t, "it is disarmed", func() bool {
		return d.pixel(t, id, width-onceLeft, height-buttonAbove-12) != armedGreen
	})
	d.do(t, "windowfocus", id)
	d.do(t, "key", "alt+a")
	d.clickOnce(t, id)
	d.unanswered(t, answer, id, "a covered window")
	d.touch(t, id, "_KEYBROKER_TIME") // by which the window learns the time
	time.Sleep(1200 * time.Millisecond)
	d.do(t, "windowfocus", id)
	d.do(t, "key", "alt+a")
	d.unanswered(t, answer, id, "a covered window that was told the time by another program")
	uncover()
	d.whenArmed(t, id)
	d.clickOnce(t, id)
	if a := <-answer; a.Verdict != confirm.AllowOnce {
		t.Errorf("uncovered again: %q, %q", a.Verdict, a.Reason)
	}
}

// Events that another program made up do nothing, not even deny; the person's
// own click still works.
func testForged(t *testing.T, d *desktop, w *window) {
	answer := confirmtest.Ask(t, w, confirmtest.Login(t))
	id := d.shown(t)
	d.whenArmed(t, id)
	d.forge(t, id)
	d.unanswered(t, answer, id, "forged events")
	d.clickOnce(t, id)
	if a := <-answer; a.Verdict != confirm.AllowOnce {
		t.Errorf("a real click: %q, %q", a.Verdict, a.Reason)
	}
}

func testMoved(t *testing.T, d *desktop, w *window) {
	answer := confirmtest.Ask(t, w, confirmtest.Login(t))
	id := d.shown(t)
	d.whenArmed(t, id)
	d.do(t, "windowfocus", id)
	d.do(t, "windowmove", "--sync", id, "10", "40", "key", "alt+a") // in one turn: no time to arm again
	d.unanswered(t, answer, id, "a window that moved")
	d.whenArmed(t, id)
	d.do(t, "key", "alt+a")
	if a := <-answer; a.Verdict != confirm.AllowOnce {
		t.Errorf("at rest again: %q, %q", a.Verdict, a.Reason)
	}
}

// pressedGreen is "Allow once" while the mouse button is down on it.
const pressedGreen = "15,52,29"

// A press on one place and a release on another is no click. A window manager
// may hold the first press back to raise the window, and the server then loses a
// move that follows at once: so each step waits until the one before is seen.
func testHalfAClick(t *testing.T, d *desktop, w *window) {
	answer := confirmtest.Ask(t, w, confirmtest.Login(t))
	id := d.shown(t)
	d.whenArmed(t, id)
	width, height := d.size(t, id)
	drawn := func(colour string) func() bool {
		return func() bool { return d.pixel(t, id, width-onceLeft, height-buttonAbove-12) == colour }
	}
	on := func() { d.moveTo(t, id, width-onceLeft, height-buttonAbove) }
	off := func() { d.moveTo(t, id, width/2, 60) }
	on()
	d.do(t, "mousedown", "1")
	d.until(t, "the button is pressed", drawn(pressedGreen))
	off()
	d.do(t, "mouseup", "1")
	d.until(t, "the button is released", drawn(armedGreen))
	d.do(t, "mousedown", "1")
	on()
	d.do(t, "mouseup", "1")
	d.do(t, "click", "3")
	d.unanswered(t, answer, id, "half a click, or another button")
	d.clickOnce(t, id)
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

func TestWindowWhoseDisplayDies(t *testing.T) {
	t.Parallel()
	d := newDesktop(t)
	w := newWindowOn(t, d)
	answer := confirmtest.Ask(t, w, confirmtest.Login(t))
	d.shown(t)
	if err := d.server.Kill(); err != nil {
		t.Fatal(err)
	}
	a := <-answer
	confirmtest.Check(t, a, nil, "", "the display went away")
	os.Remove("/tmp/.X" + d.display[1:] + "-lock") // what a killed server leaves
	os.Remove("/tmp/.X11-unix/X" + d.display[1:])
}

// Only a whole answer of a program that ended well counts.
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
	confirmtest.Check(t, a, err, confirm.Deny, "denied by the person") // it was not offered
	if _, err := windowOf(t, "read -r q; printf 'typed\\n'").Secret(t.Context(), confirm.SecretQuestion{Title: "t"}); !errors.Is(err, confirm.ErrClosed) {
		t.Errorf("an empty passphrase: %v", err)
	}
	if _, err := windowOf(t, "read -r q; echo allow-once").Secret(t.Context(), confirm.SecretQuestion{Title: "t"}); err == nil {
		t.Error("a word that allows was taken for a passphrase")
	}
}

// windowOf is a window whose program is a script.
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
