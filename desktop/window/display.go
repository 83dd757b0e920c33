package window

import (
	"errors"
	"fmt"
	"io"
	"log"
	"math"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/jezek/xgb"
	"github.com/jezek/xgb/xproto"
)

// display is the connection to the X server, with its setup and cached atoms.
type display struct {
	*xgb.Conn
	setup  *xproto.SetupInfo
	screen *xproto.ScreenInfo
	atoms  map[string]xproto.Atom
}

var errPixels = errors.New("the display does not have pixels of 8 bits each for red, green and blue")

// openDisplay connects to $DISPLAY.
func openDisplay() (*display, error) {
	xgb.Logger = log.New(io.Discard, "", 0) // standard error may be a terminal in use
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
	// retryTime is the pause between two attempts.
	retryTime = 20 * time.Millisecond
)

// connect waits for an X server that is starting: a compositor starts XWayland for
// its first client, and until then the socket takes no second one.
func connect() (*xgb.Conn, error) {
	for end := time.Now().Add(startTime); ; time.Sleep(retryTime) {
		conn, err := xgb.NewConn()
		// xgb keeps only the text of the cause.
		if err == nil || !strings.HasSuffix(err.Error(), syscall.EAGAIN.Error()) || time.Now().After(end) {
			return conn, err
		}
	}
}

// forged is an event that another client sent with SendEvent.
type forged struct{}

func (forged) Bytes() []byte  { return nil }
func (forged) String() string { return "forged" }

// fromClients are the events that window managers legitimately send with SendEvent
// (ICCCM 4.1.5 and 4.2.8.1).
var fromClients = map[int]bool{xproto.ClientMessage: true, xproto.ConfigureNotify: true}

// refuseForgeries replaces events that have the SendEvent bit (X protocol, section 1,
// "Event format"). xgb drops the bit, so that a forged click would look like the
// person's.
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

// atom returns the atom of a name; 0 when the server does not answer.
func (d *display) atom(name string) xproto.Atom {
	if d.atoms[name] == 0 {
		if reply, err := xproto.InternAtom(d.Conn, false, uint16(len(name)), name).Reply(); err == nil {
			d.atoms[name] = reply.Atom
		}
	}
	return d.atoms[name]
}

// prefetch asks for many atoms in one round trip.
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

// Bounds of the scale that a desktop may ask for.
const (
	minScale = 1.0
	maxScale = 4.0
)

// scale is the number of pixels in one of our units: the largest of Xft.dpi / 96,
// which desktops set to the person's choice, GDK_SCALE and QT_SCALE_FACTOR.
func (d *display) scale(env func(string) string) float64 {
	scale := max(d.resourceDPI()/96, number(env("GDK_SCALE")), number(env("QT_SCALE_FACTOR")))
	return min(max(scale, minScale), maxScale)
}

// number is 0 for a text that is not a number.
func number(text string) float64 {
	value, err := strconv.ParseFloat(strings.TrimSpace(text), 64)
	if err != nil || math.IsNaN(value) {
		return 0
	}
	return value
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
			return number(value)
		}
	}
	return 0
}
