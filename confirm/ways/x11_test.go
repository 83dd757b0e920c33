//go:build linux

package ways

import (
	"image"
	"io"
	"log"
	"strconv"
	"sync"
	"testing"

	"github.com/jezek/xgb"
	"github.com/jezek/xgb/xproto"
)

// quietLog keeps xgb from logging the missing authority file.
var quietLog = sync.OnceFunc(func() { xgb.Logger = log.New(io.Discard, "", 0) })

// client is another program on the desktop.
func (d *desktop) client(t testing.TB) *xgb.Conn {
	t.Helper()
	quietLog()
	conn, err := xgb.NewConnDisplay(d.display)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(conn.Close)
	return conn
}

func windowID(t testing.TB, window string) xproto.Window {
	t.Helper()
	id, err := strconv.ParseUint(window, 10, 32)
	if err != nil {
		t.Fatalf("window %q: %v", window, err)
	}
	return xproto.Window(id)
}

func atom(t testing.TB, conn *xgb.Conn, name string) xproto.Atom {
	t.Helper()
	reply, err := xproto.InternAtom(conn, false, uint16(len(name)), name).Reply()
	if err != nil {
		t.Fatal(err)
	}
	return reply.Atom
}

// closeWindow sends WM_DELETE_WINDOW, as a window manager does for its close button
// (ICCCM 4.2.8.1). xdotool cannot do that.
func (d *desktop) closeWindow(t *testing.T, window string) {
	t.Helper()
	conn := d.client(t)
	message := xproto.ClientMessageEvent{Format: 32, Window: windowID(t, window), Type: atom(t, conn, "WM_PROTOCOLS"),
		Data: xproto.ClientMessageDataUnionData32New([]uint32{uint32(atom(t, conn, "WM_DELETE_WINDOW")), 0, 0, 0, 0})}
	if err := xproto.SendEventChecked(conn, false, windowID(t, window), 0, string(message.Bytes())).Check(); err != nil {
		t.Error(err)
	}
}

// cover covers a part of the screen with a window that no window manager touches.
func (d *desktop) cover(t *testing.T, at image.Rectangle) (uncover func()) {
	t.Helper()
	conn := d.client(t)
	screen := xproto.Setup(conn).DefaultScreen(conn)
	id, err := xproto.NewWindowId(conn)
	if err != nil {
		t.Fatal(err)
	}
	err = xproto.CreateWindowChecked(conn, screen.RootDepth, id, screen.Root, int16(at.Min.X), int16(at.Min.Y), uint16(at.Dx()), uint16(at.Dy()),
		0, xproto.WindowClassInputOutput, screen.RootVisual, xproto.CwBackPixel|xproto.CwOverrideRedirect, []uint32{screen.WhitePixel, 1}).Check()
	if err == nil {
		err = xproto.MapWindowChecked(conn, id).Check()
	}
	if err != nil {
		t.Fatal(err)
	}
	return func() {
		if err := xproto.DestroyWindowChecked(conn, id).Check(); err != nil {
			t.Error(err)
		}
	}
}

// forge sends a click on each button, Alt+A and Escape with SendEvent.
func (d *desktop) forge(t *testing.T, window string) {
	t.Helper()
	conn, id := d.client(t), windowID(t, window)
	root := xproto.Setup(conn).DefaultScreen(conn).Root
	width, height := d.size(t, window)
	send := func(event xgb.Event) {
		if err := xproto.SendEventChecked(conn, false, id, 0, string(event.Bytes())).Check(); err != nil {
			t.Error(err)
		}
	}
	for _, x := range []int{allowOnceLeft, width - 60, width / 3} {
		press := xproto.ButtonPressEvent{Detail: 1, Time: 1 << 30, Root: root, Event: id, EventX: int16(width - x), EventY: int16(height - buttonAbove), SameScreen: true}
		send(press)
		release := xproto.ButtonReleaseEvent(press)
		release.State = xproto.KeyButMaskButton1
		send(release)
	}
	const escape, letterA = 9, 38 // key codes of every evdev keyboard
	send(xproto.KeyPressEvent{Detail: letterA, Time: 1 << 30, Root: root, Event: id, State: xproto.KeyButMaskMod1, SameScreen: true})
	send(xproto.KeyPressEvent{Detail: escape, Time: 1 << 30, Root: root, Event: id, SameScreen: true})
}

// remap assigns keysyms to key codes that no keyboard has.
func (d *desktop) remap(t *testing.T, keysyms ...xproto.Keysym) {
	t.Helper()
	conn := d.client(t)
	const unused = 250
	if err := xproto.ChangeKeyboardMappingChecked(conn, byte(len(keysyms)), unused, 1, keysyms).Check(); err != nil {
		t.Error(err)
	}
}

// touch changes a property of another program's window without a new value.
func (d *desktop) touch(t *testing.T, window, property string) {
	t.Helper()
	conn := d.client(t)
	err := xproto.ChangePropertyChecked(conn, xproto.PropModeAppend, windowID(t, window), atom(t, conn, property), xproto.AtomCardinal, 32, 0, nil).Check()
	if err != nil {
		t.Error(err)
	}
}

// resize changes the size of a window, whatever its hints say.
func (d *desktop) resize(t *testing.T, window string, width, height int) {
	t.Helper()
	err := xproto.ConfigureWindowChecked(d.client(t), windowID(t, window), xproto.ConfigWindowWidth|xproto.ConfigWindowHeight, []uint32{uint32(width), uint32(height)}).Check()
	if err != nil {
		t.Error(err)
	}
}

// moveTo moves the mouse to a point of a window and waits until it is there.
func (d *desktop) moveTo(t *testing.T, window string, x, y int) {
	t.Helper()
	conn, id := d.client(t), windowID(t, window)
	d.waitUntil(t, "the mouse is there", func() bool {
		d.xdotool(t, "mousemove", "--window", window, strconv.Itoa(x), strconv.Itoa(y))
		at, err := xproto.QueryPointer(conn, id).Reply()
		return err == nil && int(at.WinX) == x && int(at.WinY) == y
	})
}
