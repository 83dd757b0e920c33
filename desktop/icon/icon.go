// Package icon draws keybroker's icon: a key with other shapes over it.
package icon

import (
	"image"
	"image/color"
	"math"
)

const (
	// Size is the size of the coordinate system, in pixels; Draw can scale it.
	Size = 48
	// samples is the number of sample points of a pixel in each direction.
	samples = 4
)

// Blue is the colour of the key. It is visible on light and on dark panels.
var Blue = color.NRGBA{0x3b, 0x82, 0xd0, 0xff}

// Shape reports whether a point is inside it. Coordinates go from 0 to Size.
type Shape func(x, y float64) bool

// Layer is a shape in one colour. A nil Colour cuts the shape out.
type Layer struct {
	In     Shape
	Colour *color.NRGBA
}

// Fill paints a shape in a colour.
func Fill(in Shape, colour color.NRGBA) Layer { return Layer{in, &colour} }

// Cut cuts a shape out of the layers below.
func Cut(in Shape) Layer { return Layer{In: in} }

// Disc is a filled circle with centre (cx, cy).
func Disc(cx, cy, r float64) Shape {
	return func(x, y float64) bool { return math.Hypot(x-cx, y-cy) <= r }
}

// Box is an upright rectangle.
func Box(x0, y0, x1, y1 float64) Shape {
	return func(x, y float64) bool { return x0 <= x && x <= x1 && y0 <= y && y <= y1 }
}

// Triangle points up; half is half of its base.
func Triangle(cx, top, bottom, half float64) Shape {
	return func(x, y float64) bool {
		return top <= y && y <= bottom && math.Abs(x-cx) <= half*(y-top)/(bottom-top)
	}
}

// Key is a key: the ring with its hole, the shaft and the bit.
func Key(c color.NRGBA) []Layer {
	return []Layer{{Disc(14, 20, 12), &c}, {Box(24, 17, 46, 23), &c}, {Box(38, 20, 43, 31), &c}, {Box(31, 20, 35, 28), &c},
		{Disc(14, 20, 5.5), nil}}
}

// Draw paints layers as a square of size pixels.
func Draw(layers []Layer, size int) *image.NRGBA {
	img := image.NewNRGBA(image.Rect(0, 0, size, size))
	for y := range size {
		for x := range size {
			img.SetNRGBA(x, y, pixel(layers, x, y, float64(Size)/float64(size)))
		}
	}
	return img
}

// pixel is the mean colour of its sample points.
func pixel(layers []Layer, px, py int, scale float64) color.NRGBA {
	var r, g, b, hits int
	for i := range samples * samples {
		x := float64(px) + (float64(i%samples)+0.5)/samples
		y := float64(py) + (float64(i/samples)+0.5)/samples
		if c := colourAt(layers, x*scale, y*scale); c != nil {
			r, g, b, hits = r+int(c.R), g+int(c.G), b+int(c.B), hits+1
		}
	}
	if hits == 0 {
		return color.NRGBA{}
	}
	return color.NRGBA{uint8(r / hits), uint8(g / hits), uint8(b / hits), uint8(hits * 255 / (samples * samples))}
}

// colourAt is the colour of the topmost layer at a point; nil: none.
func colourAt(layers []Layer, x, y float64) *color.NRGBA {
	var c *color.NRGBA
	for _, l := range layers {
		if l.In(x, y) {
			c = l.Colour
		}
	}
	return c
}
