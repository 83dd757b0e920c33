package window

import (
	"image"
	"slices"

	"github.com/jezek/xgb/xproto"
)

// view is where the window is and whether all of it is visible.
type view struct {
	at      image.Rectangle // on the screen
	covered bool            // by a window above it
	clipped bool            // a part is off the screen or cut off
}

// survey asks the server for the windows above ours. VisibilityNotify is not enough:
// with a compositor, no window ever counts as covered.
func (w *xwindow) survey() (view, error) {
	var v view
	geometry, err := xproto.GetGeometry(w.d.Conn, xproto.Drawable(w.id)).Reply()
	if err != nil {
		return v, err
	}
	corner, err := xproto.TranslateCoordinates(w.d.Conn, w.id, w.d.screen.Root, 0, 0).Reply()
	if err != nil {
		return v, err
	}
	x, y := int(corner.DstX), int(corner.DstY)
	v.at = image.Rect(x, y, x+int(geometry.Width), y+int(geometry.Height))
	screen, err := xproto.GetGeometry(w.d.Conn, xproto.Drawable(w.d.screen.Root)).Reply()
	if err != nil {
		return v, err
	}
	v.clipped = !v.at.In(image.Rect(0, 0, int(screen.Width), int(screen.Height)))
	above, err := w.windowsAbove()
	if err == nil {
		v.covered, err = w.covers(above, v.at)
	}
	return v, err
}

// maxDepth bounds the walk from our window through the window manager's frames to the
// root.
const maxDepth = 16

// windowsAbove are the children of the root above our frame.
func (w *xwindow) windowsAbove() ([]xproto.Window, error) {
	frame := w.id
	for range maxDepth {
		tree, err := xproto.QueryTree(w.d.Conn, frame).Reply()
		if err != nil {
			return nil, err
		}
		if tree.Parent == w.d.screen.Root {
			break
		}
		frame = tree.Parent
	}
	root, err := xproto.QueryTree(w.d.Conn, w.d.screen.Root).Reply() // bottom first
	if err != nil {
		return nil, err
	}
	return root.Children[slices.Index(root.Children, frame)+1:], nil
}

// covers reports whether one of the windows is visible and overlaps at. Windows that
// went away meanwhile do not count.
func (w *xwindow) covers(windows []xproto.Window, at image.Rectangle) (bool, error) {
	attributes := make([]xproto.GetWindowAttributesCookie, len(windows))
	geometries := make([]xproto.GetGeometryCookie, len(windows))
	for i, id := range windows {
		attributes[i] = xproto.GetWindowAttributes(w.d.Conn, id)
		geometries[i] = xproto.GetGeometry(w.d.Conn, xproto.Drawable(id))
	}
	covered := false
	for i := range windows {
		a, err1 := attributes[i].Reply()
		g, err2 := geometries[i].Reply()
		if err1 != nil || err2 != nil || a.MapState != xproto.MapStateViewable || a.Class == xproto.WindowClassInputOnly {
			continue
		}
		border := 2 * int(g.BorderWidth)
		other := image.Rect(int(g.X), int(g.Y), int(g.X)+int(g.Width)+border, int(g.Y)+int(g.Height)+border)
		covered = covered || other.Overlaps(at)
	}
	return covered, nil
}
