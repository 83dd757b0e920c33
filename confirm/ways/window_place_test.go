//go:build linux

package ways

import (
	"context"
	"fmt"
	"image"
	"strings"
	"testing"
	"time"

	"github.com/jezek/xgb/xproto"

	"github.com/keybroker/keybroker/confirm"
	"github.com/keybroker/keybroker/confirm/confirmtest"
)

// windowRect is the area of a window on the screen.
func (d *desktop) windowRect(t *testing.T, window string) image.Rectangle {
	t.Helper()
	conn, id := d.client(t), windowID(t, window)
	geometry, err := xproto.GetGeometry(conn, xproto.Drawable(id)).Reply()
	if err != nil {
		t.Fatal(err)
	}
	at, err := xproto.TranslateCoordinates(conn, id, xproto.Setup(conn).DefaultScreen(conn).Root, 0, 0).Reply()
	if err != nil {
		t.Fatal(err)
	}
	x, y := int(at.DstX), int(at.DstY)
	return image.Rect(x, y, x+int(geometry.Width), y+int(geometry.Height))
}

// measure shows a question and returns the area of its window.
func (d *desktop) measure(t *testing.T, w *window) image.Rectangle {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() { defer close(done); w.Ask(ctx, confirmtest.Login(t)) }()
	at := d.windowRect(t, d.waitShown(t))
	cancel()
	<-done
	return at
}

// The window scales with the desktop's DPI, and appears on the monitor with the
// pointer.
func TestWindowSizeAndMonitor(t *testing.T) {
	t.Parallel()
	d := newDesktopOf(t, "2400x1000x24")
	w := newWindowOn(t, d)
	plain := d.measure(t, w)
	conn := d.client(t)
	root := xproto.Setup(conn).DefaultScreen(conn).Root
	resources := "Xcursor.size:\t24\nXft.dpi:\t144\n"
	err := xproto.ChangePropertyChecked(conn, xproto.PropModeReplace, root, xproto.AtomResourceManager, xproto.AtomString, 8, uint32(len(resources)), []byte(resources)).Check()
	if err != nil {
		t.Fatal(err)
	}
	if large := d.measure(t, w); large.Dx() != plain.Dx()*3/2 {
		t.Errorf("at 144 dots per inch it is %d wide, at 96 %d", large.Dx(), plain.Dx())
	}
	for i, monitor := range []image.Rectangle{image.Rect(0, 0, 1100, 1000), image.Rect(1100, 0, 2400, 1000)} {
		size := fmt.Sprintf("%d/100x%d/100+%d+0", monitor.Dx(), monitor.Dy(), monitor.Min.X)
		output := []string{"screen", "none"}[i]
		if out, err := d.program(findProgram(t, "xrandr"), "--setmonitor", fmt.Sprint("half", i), size, output).CombinedOutput(); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
	}
	for _, x := range []int{100, 2300} {
		d.xdotool(t, "mousemove", fmt.Sprint(x), "500")
		at := d.measure(t, w)
		if isLeft := at.Max.X <= 1100; isLeft != (x == 100) || at.Min.X < 1100 && !isLeft {
			t.Errorf("with the pointer at %d it is at %v", x, at)
		}
	}
}

// A question can be answered while a notice is shown.
func TestNoticeBesideAQuestion(t *testing.T) {
	t.Parallel()
	d := newDesktop(t)
	d.startWindowManager(t, "off")
	w := newWindowOn(t, d)
	ctx, cancel := context.WithCancel(t.Context())
	over := make(chan error, 1)
	go func() { over <- w.Notify(ctx, confirm.Notice{Title: "Touch it", Use: confirmtest.Login(t).Use}) }()
	notice := d.waitShown(t)
	answer := confirmtest.Ask(t, w, confirmtest.Login(t))
	question := ""
	d.waitUntil(t, "the question is shown", func() bool {
		for id := range strings.FieldsSeq(d.xdotool(t, "search", "--onlyvisible", "--name", "^keybroker$")) {
			if id != notice {
				question = id
			}
		}
		return question != ""
	})
	d.waitArmed(t, question)
	d.clickAllowOnce(t, question)
	if a := <-answer; a.Verdict != confirm.AllowOnce {
		t.Errorf("%q, %q", a.Verdict, a.Reason)
	}
	cancel()
	if err := <-over; err != nil {
		t.Error(err)
	}
}

// Without a window manager any program can make the window smaller, so that a part of it
// is hidden.
func TestWindowMadeSmaller(t *testing.T) {
	t.Parallel()
	d := newDesktop(t)
	w := newWindowOn(t, d)
	answer := confirmtest.Ask(t, w, confirmtest.Login(t))
	id := d.focusPrompt(t)
	d.waitArmed(t, id)
	width, height := d.size(t, id)
	d.resize(t, id, width, height-60)
	time.Sleep(1200 * time.Millisecond) // longer than arming takes
	d.xdotool(t, "key", "alt+a")
	d.wantNoAnswer(t, answer, id, "a window that was made smaller")
	d.resize(t, id, width, height)
	d.waitArmed(t, id)
	d.xdotool(t, "key", "alt+a")
	if a := <-answer; a.Verdict != confirm.AllowOnce {
		t.Errorf("whole again: %q, %q", a.Verdict, a.Reason)
	}
}
