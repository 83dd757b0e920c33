package window

import (
	"image"

	"github.com/jezek/xgb/randr"
	"github.com/jezek/xgb/xproto"

	"github.com/keybroker/keybroker/desktop/question"
)

// monitor is the monitor with the pointer, where the person works. Without RandR 1.5
// it is the whole screen.
func (d *display) monitor() image.Rectangle {
	whole := image.Rect(0, 0, int(d.screen.WidthInPixels), int(d.screen.HeightInPixels))
	pointer, err := xproto.QueryPointer(d.Conn, d.screen.Root).Reply()
	if err != nil || randr.Init(d.Conn) != nil {
		return whole
	}
	if version, err := randr.QueryVersion(d.Conn, 1, 5).Reply(); err != nil || version.MajorVersion == 1 && version.MinorVersion < 5 {
		return whole
	}
	reply, err := randr.GetMonitors(d.Conn, d.screen.Root, true).Reply()
	if err != nil {
		return whole
	}
	at := image.Pt(int(pointer.RootX), int(pointer.RootY))
	for _, m := range reply.Monitors {
		area := image.Rect(int(m.X), int(m.Y), int(m.X)+int(m.Width), int(m.Y)+int(m.Height))
		if at.In(area) {
			return area.Intersect(whole)
		}
	}
	return whole
}

// cornerFor is the top left corner of the window: a question is in the middle, a
// notice above it, because both can be shown at the same time.
func cornerFor(kind question.Kind, size image.Point, area image.Rectangle) image.Point {
	at := area.Min.Add(area.Size().Sub(size).Div(2))
	if kind == question.Notice {
		at.Y = area.Min.Y + min(frameHeight, area.Dy()-size.Y)
	}
	return at
}
