package window

import (
	"encoding/binary"
	"image"
	"os"

	"github.com/jezek/xgb/xproto"

	"github.com/keybroker/keybroker/desktop/icon"
)

// xwindow is our window on the display.
type xwindow struct {
	d   *display
	id  xproto.Window
	gc  xproto.Gcontext
	row []byte // a buffer for pixels
}

const events = xproto.EventMaskExposure | xproto.EventMaskStructureNotify | xproto.EventMaskVisibilityChange |
	xproto.EventMaskPropertyChange | xproto.EventMaskButtonPress | xproto.EventMaskButtonRelease |
	xproto.EventMaskKeyPress | xproto.EventMaskKeyRelease | xproto.EventMaskFocusChange

// atomNames are all atoms that are used, for one prefetch.
var atomNames = []string{"WM_PROTOCOLS", "WM_DELETE_WINDOW", "UTF8_STRING", "_NET_WM_NAME", "_NET_WM_PID",
	"_NET_WM_STATE", "_NET_WM_STATE_ABOVE", "_NET_WM_STATE_STICKY", "_NET_WM_WINDOW_TYPE",
	"_NET_WM_WINDOW_TYPE_DIALOG", "_NET_WM_USER_TIME", "_NET_WM_DESKTOP", "_NET_WM_ICON", "_KEYBROKER_TIME"}

// newXWindow makes a window that is not shown yet. With focus it takes the keyboard
// when it appears, as an entry field must; otherwise the keyboard stays where the
// person is typing.
func newXWindow(d *display, at image.Point, size image.Point, title string, focus bool) (*xwindow, error) {
	d.prefetch(atomNames...)
	id, err := xproto.NewWindowId(d.Conn)
	if err != nil {
		return nil, err
	}
	gc, err := xproto.NewGcontextId(d.Conn)
	if err != nil {
		return nil, err
	}
	w := &xwindow{d: d, id: id, gc: gc}
	values := []uint32{d.screen.WhitePixel, events}
	err = xproto.CreateWindowChecked(d.Conn, d.screen.RootDepth, id, d.screen.Root, int16(at.X), int16(at.Y), uint16(size.X), uint16(size.Y),
		0, xproto.WindowClassInputOutput, d.screen.RootVisual, xproto.CwBackPixel|xproto.CwEventMask, values).Check()
	if err != nil {
		return nil, err
	}
	xproto.CreateGC(d.Conn, gc, xproto.Drawable(id), 0, nil)
	w.setHints(at, size, title, focus)
	// The events of other windows tell when ours may be covered.
	xproto.ChangeWindowAttributes(d.Conn, d.screen.Root, xproto.CwEventMask, []uint32{xproto.EventMaskSubstructureNotify})
	return w, nil
}

// setHints sets the hints of ICCCM and EWMH: a dialog of fixed size, above all other
// windows, on every desktop.
func (w *xwindow) setHints(at, size image.Point, title string, focus bool) {
	a := w.d.atom
	w.setText(xproto.AtomWmName, xproto.AtomString, "keybroker")
	w.setText(a("_NET_WM_NAME"), a("UTF8_STRING"), title)
	w.setText(xproto.AtomWmClass, xproto.AtomString, "keybroker\x00keybroker\x00")
	w.setNumbers(a("WM_PROTOCOLS"), xproto.AtomAtom, uint32(a("WM_DELETE_WINDOW")))
	w.setNumbers(a("_NET_WM_WINDOW_TYPE"), xproto.AtomAtom, uint32(a("_NET_WM_WINDOW_TYPE_DIALOG")))
	w.setNumbers(a("_NET_WM_STATE"), xproto.AtomAtom, uint32(a("_NET_WM_STATE_ABOVE")), uint32(a("_NET_WM_STATE_STICKY")))
	w.setNumbers(a("_NET_WM_DESKTOP"), xproto.AtomCardinal, 0xffffffff)
	w.setNumbers(a("_NET_WM_PID"), xproto.AtomCardinal, uint32(os.Getpid()))
	w.setNumbers(a("_NET_WM_ICON"), xproto.AtomCardinal, iconData()...)
	if !focus {
		w.setNumbers(a("_NET_WM_USER_TIME"), xproto.AtomCardinal, 0) // EWMH: do not focus it when it is mapped
	}
	const position, minSize, maxSize = 1<<0 | 1<<2, 1 << 4, 1 << 5 // USPosition, PPosition; PMinSize; PMaxSize
	hints := make([]uint32, 18)
	hints[0] = position | minSize | maxSize
	hints[1], hints[2] = uint32(at.X), uint32(at.Y)
	hints[5], hints[6], hints[7], hints[8] = uint32(size.X), uint32(size.Y), uint32(size.X), uint32(size.Y)
	w.setNumbers(xproto.AtomWmNormalHints, xproto.AtomWmSizeHints, hints...)
	const inputHint = 1
	w.setNumbers(xproto.AtomWmHints, xproto.AtomWmHints, inputHint, 1, 0, 0, 0, 0, 0, 0, 0)
}

// iconData is _NET_WM_ICON of EWMH: width, height and ARGB pixels for each size.
func iconData() (list []uint32) {
	for _, size := range []int{16, 32, icon.Size} {
		list = append(list, uint32(size), uint32(size))
		pix := icon.Draw(icon.Key(icon.Blue), size).Pix
		for i := 0; i < len(pix); i += 4 {
			list = append(list, uint32(pix[i+3])<<24|uint32(pix[i])<<16|uint32(pix[i+1])<<8|uint32(pix[i+2]))
		}
	}
	return list
}

func (w *xwindow) setText(property, kind xproto.Atom, value string) {
	xproto.ChangeProperty(w.d.Conn, xproto.PropModeReplace, w.id, property, kind, 8, uint32(len(value)), []byte(value))
}

func (w *xwindow) setNumbers(property, kind xproto.Atom, values ...uint32) {
	var data []byte
	for _, v := range values {
		data = binary.LittleEndian.AppendUint32(data, v) // xgb uses little endian
	}
	xproto.ChangeProperty(w.d.Conn, xproto.PropModeReplace, w.id, property, kind, 32, uint32(len(values)), data)
}

// requestTime asks for the server's time: the answer is a PropertyNotify.
func (w *xwindow) requestTime() {
	xproto.ChangeProperty(w.d.Conn, xproto.PropModeAppend, w.id, w.d.atom("_KEYBROKER_TIME"), xproto.AtomCardinal, 32, 0, nil)
}

func (w *xwindow) raise() {
	xproto.ConfigureWindow(w.d.Conn, w.id, xproto.ConfigWindowStackMode, []uint32{xproto.StackModeAbove})
}

// maxPut bounds the bytes of pixels in one request; a server takes 256 KiB.
const maxPut = 200 << 10

// putImage shows a part of the picture.
func (w *xwindow) putImage(pic *image.RGBA, at image.Rectangle) {
	at = at.Intersect(pic.Bounds())
	if at.Empty() {
		return
	}
	rows := max(1, maxPut/(at.Dx()*4))
	for y := at.Min.Y; y < at.Max.Y; y += rows {
		part := image.Rect(at.Min.X, y, at.Max.X, min(y+rows, at.Max.Y))
		w.row = w.row[:0]
		for y := part.Min.Y; y < part.Max.Y; y++ {
			w.appendRow(pic.Pix[pic.PixOffset(part.Min.X, y) : pic.PixOffset(part.Max.X-1, y)+4])
		}
		xproto.PutImage(w.d.Conn, xproto.ImageFormatZPixmap, xproto.Drawable(w.id), w.gc,
			uint16(part.Dx()), uint16(part.Dy()), int16(part.Min.X), int16(part.Min.Y), 0, w.d.screen.RootDepth, w.row)
	}
}

func (w *xwindow) appendRow(rgba []byte) {
	little := w.d.setup.ImageByteOrder == xproto.ImageOrderLSBFirst
	for i := 0; i < len(rgba); i += 4 {
		if r, g, b := rgba[i], rgba[i+1], rgba[i+2]; little {
			w.row = append(w.row, b, g, r, 0xff)
		} else {
			w.row = append(w.row, 0xff, r, g, b)
		}
	}
}
