package tray

import (
	"bytes"
	"encoding/binary"
	"image"
	"image/color"
	"image/png"
	"math"
)

const (
	// iconSize is in pixels; panels scale it down.
	iconSize = 48
	// samples is how many points of a pixel are looked at in each direction.
	samples = 4
)

// The colours can be told from a light and from a dark panel. The state is in
// the badge's form as well, for people who do not tell the colours apart.
var (
	blue   = color.NRGBA{0x3b, 0x82, 0xd0, 0xff}
	grey   = color.NRGBA{0x8a, 0x8f, 0x98, 0xff}
	amber  = color.NRGBA{0xf2, 0x8c, 0x0f, 0xff}
	green  = color.NRGBA{0x2e, 0x9e, 0x4f, 0xff}
	red    = color.NRGBA{0xd6, 0x33, 0x3c, 0xff}
	purple = color.NRGBA{0x6b, 0x5b, 0xb5, 0xff}
	white  = color.NRGBA{0xff, 0xff, 0xff, 0xff}
)

// shape says whether the point is in it; coordinates go from 0 to 48.
type shape func(x, y float64) bool

// layer is a shape in one colour. A nil colour cuts the shape out.
type layer struct {
	in     shape
	colour *color.NRGBA
}

func disc(cx, cy, r float64) shape {
	return func(x, y float64) bool { return math.Hypot(x-cx, y-cy) <= r }
}

func box(x0, y0, x1, y1 float64) shape {
	return func(x, y float64) bool { return x0 <= x && x <= x1 && y0 <= y && y <= y1 }
}

func triangle(cx, top, bottom, half float64) shape {
	return func(x, y float64) bool {
		return top <= y && y <= bottom && math.Abs(x-cx) <= half*(y-top)/(bottom-top)
	}
}

// key is the ring, the shaft and the bit, with a hole in the ring.
func key(c color.NRGBA) []layer {
	return []layer{{disc(14, 20, 12), &c}, {box(24, 17, 46, 23), &c}, {box(38, 20, 43, 31), &c}, {box(31, 20, 35, 28), &c},
		{disc(14, 20, 5.5), nil}}
}

// badge sits on the lower right, with a gap around it.
func badge(c color.NRGBA, glyph ...shape) []layer {
	list := []layer{{disc(33, 33, 15), nil}, {disc(33, 33, 13), &c}}
	for _, g := range glyph {
		list = append(list, layer{g, &white})
	}
	return list
}

func layersOf(s state) []layer {
	switch s {
	case notRunning:
		return append(key(grey), badge(grey, box(25, 31, 41, 35))...)
	case waiting:
		return append(key(blue), badge(amber, box(31, 24, 35, 36), disc(33, 40, 2.4))...)
	case locked:
		return append(append(key(grey), badge(purple, disc(33, 30, 6), box(25, 31, 41, 41))...), layer{disc(33, 30, 3), &purple})
	case paused:
		return append(key(grey), badge(purple, box(27, 26, 31, 40), box(35, 26, 39, 40))...)
	case problem:
		return append(append(key(blue), layer{triangle(33, 15, 48, 17), nil}, layer{triangle(33, 19, 47, 15), &red}),
			layer{box(31, 27, 35, 38), &white}, layer{disc(33, 42, 2.2), &white})
	case cardIn:
		return append(key(blue), layer{box(17, 22, 48, 46), nil}, layer{box(19, 24, 47, 44), &green}, layer{box(23, 30, 31, 37), &white})
	}
	return key(blue)
}

// drawIcon paints the icon of a state.
func drawIcon(s state) image.Image {
	img := image.NewNRGBA(image.Rect(0, 0, iconSize, iconSize))
	layers := layersOf(s)
	for y := range iconSize {
		for x := range iconSize {
			img.SetNRGBA(x, y, pixel(layers, x, y))
		}
	}
	return img
}

// pixel is the mean over its points of what the topmost layer shows there.
func pixel(layers []layer, px, py int) color.NRGBA {
	var r, g, b, hits int
	for i := range samples * samples {
		x := float64(px) + (float64(i%samples)+0.5)/samples
		y := float64(py) + (float64(i/samples)+0.5)/samples
		if c := at(layers, x, y); c != nil {
			r, g, b, hits = r+int(c.R), g+int(c.G), b+int(c.B), hits+1
		}
	}
	if hits == 0 {
		return color.NRGBA{}
	}
	return color.NRGBA{uint8(r / hits), uint8(g / hits), uint8(b / hits), uint8(hits * 255 / (samples * samples))}
}

func at(layers []layer, x, y float64) *color.NRGBA {
	var c *color.NRGBA
	for _, l := range layers {
		if l.in(x, y) {
			c = l.colour
		}
	}
	return c
}

func iconPNG(s state) []byte {
	var out bytes.Buffer
	_ = png.Encode(&out, drawIcon(s)) // a buffer takes everything
	return out.Bytes()
}

// iconICO puts the PNG into the file that Windows wants: a directory of one
// entry (ICONDIR and ICONDIRENTRY, 22 bytes) before it.
func iconICO(s state) []byte {
	data := iconPNG(s)
	head := []any{uint16(0), uint16(1), uint16(1), uint8(iconSize), uint8(iconSize), uint16(0), uint16(1), uint16(32), uint32(len(data)), uint32(22)}
	var out bytes.Buffer
	for _, field := range head {
		_ = binary.Write(&out, binary.LittleEndian, field)
	}
	out.Write(data)
	return out.Bytes()
}
