package window

import (
	"errors"
	"fmt"
	"io"
	"log"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/jezek/xgb"
	"github.com/jezek/xgb/xproto"
)

// display is the connection to the X server, with what is asked of it once.
type display struct {
	*xgb.Conn
	setup  *xproto.SetupInfo
	screen *xproto.ScreenInfo
	atoms  map[string]xproto.Atom
}

var errPixels = errors.New("the display has pixels of another form than 8 bits each of red, green and blue")

// openDisplay connects to $DISPLAY.
func openDisplay() (*display, error) {
	xgb.Logger = log.New(io.Discard, "", 0) // standard error may be somebody's terminal
	refuseForgeries()
	conn, err := connect()
	if err != nil {
		return nil, fmt.Errorf("display: %w", err)
	}
	d := &display{Conn: conn, setup: xproto.Setup(conn), atoms: map[string]xproto.Atom{}}
	d.screen = d.setup.DefaultScreen(conn)
	if err := d.checkPixels(); err != nil {
		conn.Close()
		return nil, err
	}
	return d, nil
}

const (
	// startTime bounds the wait for a server that is starting.
	startTime = 10 * time.Second
	// retryTime is how often it is tried meanwhile.
	retryTime = 20 * time.Millisecond
)

// connect waits for an X server that is only just starting: a compositor starts
// XWayland when its first client comes, and the socket holds no second one until then.
func connect() (*xgb.Conn, error) {
	for end := time.Now().Add(startTime); ; time.Sleep(retryTime) {
		conn, err := xgb.NewConn()
		// xgb keeps no more of the cause than its text.
		if err == nil || !strings.HasSuffix(err.Error(), syscall.EAGAIN.Error()) || time.Now().After(end) {
			return conn, err
		}
	}
}

// forged is an event that another client made up with SendEvent.
type forged struct{}

func (forged) Bytes() []byte  { return nil }
func (forged) String() string { return "forged" }

// fromClients are the events that come by SendEvent in an honest way: from a
// window manager (ICCCM 4.1.5 and 4.2.8.1).
var fromClients = map[int]bool{xproto.ClientMessage: true, xproto.ConfigureNotify: true}

// refuseForgeries makes xgb mark events with the SendEvent bit (X protocol,
// section 1, "Event format"); by itself it drops the bit, and then the click
// that a program made up looks like one of the person's.
func refuseForgeries() {
	const sendEvent = 0x80
	for number, parse := range xgb.NewEventFuncs {
		if fromClients[number] {
			continue
		}
		xgb.NewEventFuncs[number] = func(buf []byte) xgb.Event {
			if buf[0]&sendEvent != 0 {
				return forged{}
			}
			return parse(buf)
		}
	}
}

func (d *display) checkPixels() error {
	for _, depth := range d.screen.AllowedDepths {
		for _, visual := range depth.Visuals {
			if visual.VisualId == d.screen.RootVisual && (visual.RedMask != 0xff0000 || visual.GreenMask != 0xff00 || visual.BlueMask != 0xff) {
				return errPixels
			}
		}
	}
	for _, format := range d.setup.PixmapFormats {
		if format.Depth == d.screen.RootDepth && format.BitsPerPixel == 32 {
			return nil
		}
	}
	return errPixels
}

// atom returns the number of a name; 0 when the server does not answer.
func (d *display) atom(name string) xproto.Atom {
	if d.atoms[name] == 0 {
		if reply, err := xproto.InternAtom(d.Conn, false, uint16(len(name)), name).Reply(); err == nil {
			d.atoms[name] = reply.Atom
		}
	}
	return d.atoms[name]
}

// prefetch asks for many atoms in one turn.
func (d *display) prefetch(names ...string) {
	var cookies []xproto.InternAtomCookie
	for _, name := range names {
		cookies = append(cookies, xproto.InternAtom(d.Conn, false, uint16(len(name)), name))
	}
	for i, cookie := range cookies {
		if reply, err := cookie.Reply(); err == nil {
			d.atoms[names[i]] = reply.Atom
		}
	}
}

// Bounds of the zoom that a desktop may ask for.
const (
	minScale = 1.0
	maxScale = 4.0
)

// scale is how many pixels one of our units is: by Xft.dpi, which desktops set
// to the person's choice, or GDK_SCALE or QT_SCALE_FACTOR where that is more.
func (d *display) scale(env func(string) string) float64 {
	scale := d.resourceDPI() / 96
	for _, name := range []string{"GDK_SCALE", "QT_SCALE_FACTOR"} {
		if value, err := strconv.ParseFloat(env(name), 64); err == nil {
			scale = max(scale, value)
		}
	}
	return min(max(scale, minScale), maxScale) // a value that is no number is minScale
}

// maxResources bounds the resource database that is read, in units of 4 bytes.
const maxResources = 16 << 10

func (d *display) resourceDPI() float64 {
	reply, err := xproto.GetProperty(d.Conn, false, d.screen.Root, xproto.AtomResourceManager, xproto.AtomString, 0, maxResources).Reply()
	if err != nil {
		return 0
	}
	for line := range strings.Lines(string(reply.Value)) {
		if value, ok := strings.CutPrefix(line, "Xft.dpi:"); ok {
			dpi, _ := strconv.ParseFloat(strings.TrimSpace(value), 64)
			return dpi
		}
	}
	return 0
}
