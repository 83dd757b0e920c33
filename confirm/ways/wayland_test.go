//go:build linux

package ways

import (
	"errors"
	"fmt"
	"image"
	"image/png"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/keybroker/keybroker/confirm"
	"github.com/keybroker/keybroker/confirm/confirmtest"
	"github.com/keybroker/keybroker/desktop/waylandtest"
)

// waylandPerson answers on a Wayland desktop with a virtual keyboard of the compositor.
func waylandPerson(s *waylandtest.Sway, p confirm.Prompter, allow, allowLong, deny []string) confirmtest.Person {
	press := func(keys []string) func(*testing.T, string) {
		return func(t *testing.T, _ string) { s.Keys(t, keys...) }
	}
	return confirmtest.Person{
		Prompter: p, Allow: press(allow), AllowLong: press(allowLong), Deny: press(deny),
		Wait: func(t *testing.T) string {
			s.WaitUntil(t, "the prompt has the keyboard", func() bool { return strings.HasPrefix(focusedTitle(s.Windows(t)), "keybroker") })
			last := ""
			s.WaitUntil(t, "the prompt has drawn its focus", func() bool {
				before := last
				last = screenOf(t, s)
				return last == before
			})
			return ""
		},
		Kill: func(t *testing.T, _ string) { killAll(processesOf(p)) },
		WantGone: func(t *testing.T) {
			if left := processesOf(p); left != "" {
				t.Errorf("processes are left behind: %s", left)
			}
			s.WaitUntil(t, "the window is gone", func() bool { return !strings.HasPrefix(focusedTitle(s.Windows(t)), "keybroker") })
		},
	}
}

func focusedTitle(windows []waylandtest.Window) (title string) {
	for _, w := range windows {
		if w.Focused {
			title = w.Title
		}
	}
	return title
}

// xwaylandPerson answers in keybroker's own window, through XWayland.
func xwaylandPerson(t *testing.T) confirmtest.Person {
	s := waylandtest.Start(t, true)
	p := waylandPerson(s, newWindowIn(t, s.Env), []string{"alt+a"}, []string{"alt+f"}, []string{"Escape"})
	p.Wait = func(t *testing.T) string { waitArmedOnWayland(t, s); return "" }
	return p
}

func waylandDialogPerson(t *testing.T, name string) confirmtest.Person {
	s := waylandtest.Start(t, false)
	p := waylandPerson(s, &dialog{path: linkTo(t, name), env: s.Env}, allowOnceKeys, nil, []string{"Return"})
	p.AllowLong = nil
	return p
}

// waitArmedOnWayland waits until "Allow once" is green and returns its middle.
func waitArmedOnWayland(t testing.TB, s *waylandtest.Sway) image.Point {
	t.Helper()
	at := s.WaitForWindow(t, "keybroker").At
	s.WaitUntil(t, "the buttons are armed", func() bool { return colourAt(t, s, at.Max.Sub(image.Pt(allowOnceLeft, buttonAbove+12))) == armedGreen })
	return at.Max.Sub(image.Pt(allowOnceLeft, buttonAbove))
}

// screenOf is a screenshot as PNG.
func screenOf(t testing.TB, s *waylandtest.Sway) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "screen.png")
	s.Screenshot(t, path)
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// colourAt is the colour at a point of the screen, as "R,G,B".
func colourAt(t testing.TB, s *waylandtest.Sway, at image.Point) string {
	t.Helper()
	picture, err := png.Decode(strings.NewReader(screenOf(t, s)))
	if err != nil {
		t.Fatal(err)
	}
	r, g, b, _ := picture.At(at.X, at.Y).RGBA()
	return fmt.Sprintf("%d,%d,%d", r>>8, g>>8, b>>8)
}

// On Wayland the compositor decides which window is on top and gets the keys. The window
// keeps its promises there.
func TestWindowOnWayland(t *testing.T) {
	t.Parallel()
	s := waylandtest.Start(t, true)
	w := newWindowIn(t, s.Env)
	other := s.Command(findProgram(t, "zenity"), "--info", "--title=other", "--text=a native Wayland window")
	startUntilTestEnds(t, other)
	s.WaitForWindow(t, "other")
	t.Run("on top", func(t *testing.T) { testOnTopOfWayland(t, s, w) })
	t.Run("stray keys", func(t *testing.T) { testStrayKeysOnWayland(t, s, w) })
	t.Run("early click", func(t *testing.T) { testEarlyClickOnWayland(t, s, w) })
	t.Run("covered by an X11 window", func(t *testing.T) { testCoveredOnXWayland(t, s, w) })
	t.Run("covered by a Wayland window", func(t *testing.T) { testCoveredOnWayland(t, s, w) })
}

// The window floats in its own size above the other one.
func testOnTopOfWayland(t *testing.T, s *waylandtest.Sway, w *window) {
	answer := confirmtest.Ask(t, w, confirmtest.Login(t))
	once := waitArmedOnWayland(t, s)
	windows := s.Windows(t)
	top := windows[len(windows)-1]
	if !strings.HasPrefix(top.Title, "keybroker: ") || !top.Floating || !top.X11 {
		t.Errorf("on top is %+v of %+v", top, windows)
	}
	if below := windows[0]; below.Title != "other" || below.X11 {
		t.Errorf("the window below is not a Wayland window: %+v", below)
	}
	s.Click(t, top.At.Min.Add(image.Pt(60, top.At.Dy()-buttonAbove)))
	if a := <-answer; a.Verdict != confirm.Deny || a.Reason != "denied by the person" {
		t.Errorf("a click on Deny: %q, %q", a.Verdict, a.Reason)
	}
	answer = confirmtest.Ask(t, w, confirmtest.Login(t))
	waitArmedOnWayland(t, s)
	s.Click(t, once)
	if a := <-answer; a.Verdict != confirm.AllowOnce {
		t.Errorf("a click on Allow: %q, %q", a.Verdict, a.Reason)
	}
}

// sway gives every new window the keyboard.
func testStrayKeysOnWayland(t *testing.T, s *waylandtest.Sway, w *window) {
	answer := confirmtest.Ask(t, w, confirmtest.Login(t))
	waitArmedOnWayland(t, s)
	s.Keys(t, "Return", "space", "Tab", "Return", "space", "a", "f", "y", "ctrl+a", "shift+Tab", "Down")
	wantNoAnswer(t, answer, "a stray key")
	s.Keys(t, "alt+a")
	if a := <-answer; a.Verdict != confirm.AllowOnce { // so the window did get the keys above
		t.Errorf("Alt+A: %q, %q", a.Verdict, a.Reason)
	}
}

// A click within the first 0.8 s does nothing. The test knows that its click was that early
// if the window was still absent 0.8 s before; a busy machine may need several tries.
func testEarlyClickOnWayland(t *testing.T, s *waylandtest.Sway, w *window) {
	const tries, delay = 5, 800 * time.Millisecond
	for range tries {
		answer := confirmtest.Ask(t, w, confirmtest.Login(t))
		absent := time.Now()
		for len(s.Windows(t)) < 2 { // the other window and ours
			absent = time.Now()
		}
		at := s.WaitForWindow(t, "keybroker").At
		once := at.Max.Sub(image.Pt(allowOnceLeft, buttonAbove))
		s.WaitUntil(t, "the window is drawn", func() bool {
			colour := colourAt(t, s, once.Sub(image.Pt(0, 12)))
			return colour == disabledGrey || colour == armedGreen
		})
		s.Click(t, once)
		s.Keys(t, "alt+a")
		if time.Since(absent) < delay {
			wantNoAnswer(t, answer, "a click or key that came early")
			waitArmedOnWayland(t, s)
			s.Click(t, once)
			if a := <-answer; a.Verdict != confirm.AllowOnce {
				t.Errorf("the same click later: %q, %q", a.Verdict, a.Reason)
			}
			return
		}
		s.Click(t, at.Min.Add(image.Pt(60, at.Dy()-buttonAbove))) // Deny, if the window is still there
		<-answer
	}
	t.Skip("this machine is too busy to click within 0.8 s; TestGuard does not depend on it")
}

// XWayland reports X11 windows that cover ours, like any X server.
func testCoveredOnXWayland(t *testing.T, s *waylandtest.Sway, w *window) {
	d := &desktop{display: s.Env("DISPLAY")}
	answer := confirmtest.Ask(t, w, confirmtest.Login(t))
	once := waitArmedOnWayland(t, s)
	at := s.WaitForWindow(t, "keybroker").At
	uncover := d.cover(t, image.Rectangle{at.Min, at.Min.Add(image.Pt(300, 150))})
	s.WaitUntil(t, "the window is disarmed", func() bool { return colourAt(t, s, once.Sub(image.Pt(0, 12))) != armedGreen })
	s.Click(t, once)
	s.Keys(t, "alt+a")
	wantNoAnswer(t, answer, "a covered window")
	uncover()
	waitArmedOnWayland(t, s)
	s.Click(t, once)
	if a := <-answer; a.Verdict != confirm.AllowOnce {
		t.Errorf("uncovered again: %q, %q", a.Verdict, a.Reason)
	}
}

// XWayland does not know when a Wayland window covers ours (docs/threat-model.md). But a
// click on that window does not reach ours.
func testCoveredOnWayland(t *testing.T, s *waylandtest.Sway, w *window) {
	answer := confirmtest.Ask(t, w, confirmtest.Login(t))
	once := waitArmedOnWayland(t, s)
	size := s.WaitForWindow(t, "other").At.Size()
	s.Message(t, fmt.Sprintf(`[title="^other$"] move absolute position %d %d, focus`, once.X-size.X/2, once.Y-size.Y/2))
	s.WaitUntil(t, "the other window covers ours", func() bool {
		windows := s.Windows(t)
		return windows[len(windows)-1].Title == "other" && colourAt(t, s, once.Sub(image.Pt(0, 12))) != armedGreen
	})
	s.Click(t, once)
	s.Keys(t, "alt+a")
	wantNoAnswer(t, answer, "a click on the covering window, and a key while it has the keyboard")
	s.Message(t, `[title="^keybroker"] focus`)
	waitArmedOnWayland(t, s)
	s.Click(t, once)
	if a := <-answer; a.Verdict != confirm.AllowOnce {
		t.Errorf("on top again: %q, %q", a.Verdict, a.Reason)
	}
}

// Keys that the person types while a question appears never allow. sway gives each new
// window the keyboard, so the first key comes as early as it can.
func TestTypedOnWayland(t *testing.T) {
	t.Parallel()
	s := waylandtest.Start(t, false)
	for _, name := range dialogPrograms {
		t.Run(name, func(t *testing.T) { wantTypingDenies(t, s, &dialog{path: linkTo(t, name), env: s.Env}) })
	}
	t.Run("pinentry-qt", func(t *testing.T) {
		p := &pinentry{path: linkTo(t, "pinentry-qt"), env: s.Env}
		if a, err := p.Ask(t.Context(), confirmtest.Login(t)); a.Verdict != "" || !errors.Is(err, errTypedOnWayland) {
			t.Errorf("%q, %v", a.Verdict, err)
		}
	})
}

func wantTypingDenies(t *testing.T, s *waylandtest.Sway, p confirm.Prompter) {
	const questions = 5
	for range questions {
		answer := confirmtest.Ask(t, p, confirmtest.Login(t))
		for answered := false; !answered; {
			s.Keys(t, "Return")
			select {
			case a := <-answer:
				if answered = true; a.Verdict != confirm.Deny {
					t.Errorf("Enter while it appeared: %q, %q", a.Verdict, a.Reason)
				}
			default:
			}
		}
	}
}

// Where there is X11, a Qt program is told to draw there, whatever the person's setting.
func TestQtDrawsOnX11(t *testing.T) {
	display := newDesktop(t).display
	for entries, want := range map[string]string{
		"WAYLAND_DISPLAY=w DISPLAY=" + display:                         "[QT_QPA_PLATFORM=xcb]",
		"WAYLAND_DISPLAY=w QT_QPA_PLATFORM=wayland DISPLAY=" + display: "[QT_QPA_PLATFORM=xcb]",
		"WAYLAND_DISPLAY=w":                          "[QT_QPA_PLATFORM=wayland]",
		"DISPLAY=" + display:                         "[]",
		"QT_QPA_PLATFORM=minimal DISPLAY=" + display: "[QT_QPA_PLATFORM=minimal]",
	} {
		env := map[string]string{}
		for entry := range strings.FieldsSeq(entries) {
			name, value, _ := strings.Cut(entry, "=")
			env[name] = value
		}
		if got := fmt.Sprint(qtPlatform(func(name string) string { return env[name] })); got != want {
			t.Errorf("%s: %s, want %s", entries, got, want)
		}
	}
}

// When the compositor dies, the question ends and nothing is allowed.
func TestWaylandDies(t *testing.T) {
	t.Parallel()
	for name, prompter := range map[string]func(s *waylandtest.Sway) confirm.Prompter{
		"the window, through XWayland": func(s *waylandtest.Sway) confirm.Prompter { return newWindowIn(t, s.Env) },
		"zenity":                       func(s *waylandtest.Sway) confirm.Prompter { return &dialog{path: linkTo(t, "zenity"), env: s.Env} },
	} {
		t.Run(name, func(t *testing.T) {
			s := waylandtest.Start(t, strings.Contains(name, "XWayland"))
			p := prompter(s)
			answer := confirmtest.Ask(t, p, confirmtest.Login(t))
			s.WaitForWindow(t, "keybroker")
			s.Kill(t)
			switch a := <-answer; {
			case name == "zenity" && a.Verdict == confirm.Deny: // it exits as if "Deny" had been pressed
			case a.Verdict != "" || !strings.Contains(a.Reason, p.Name()):
				t.Errorf("%q, %q", a.Verdict, a.Reason)
			}
		})
	}
}

// wantNoAnswer fails when an answer follows an input that must not give one.
func wantNoAnswer(t *testing.T, answer <-chan confirm.Answer, what string) {
	t.Helper()
	select {
	case a := <-answer:
		t.Fatalf("%s: answered %q, %q", what, a.Verdict, a.Reason)
	case <-time.After(300 * time.Millisecond):
	}
}

// XWayland that is starting takes no second client, but counts as a display.
func TestDisplayIsStarting(t *testing.T) {
	display := filepath.Join(t.TempDir(), "x:0")
	fd, err := syscall.Socket(syscall.AF_UNIX, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer syscall.Close(fd)
	if hasX11(display) {
		t.Error("nothing listens, but a display was found")
	}
	if err := syscall.Bind(fd, &syscall.SockaddrUnix{Name: display}); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Listen(fd, 1); err != nil {
		t.Fatal(err)
	}
	for range 5 { // the first clients fill the queue
		if !hasX11(display) {
			t.Fatal("a display without room for another client was not found")
		}
	}
}
