package window

import (
	"image"
	"image/color"
	"image/draw"
	"math"
	"strings"

	"golang.org/x/image/vector"
)

// picture is the sheet as pixels.
type picture struct {
	*image.RGBA
	sheet *sheet
	pen   *pen
}

func paint(s *sheet, p *pen) *picture {
	pic := &picture{image.NewRGBA(image.Rectangle{Max: s.size}), s, p}
	c := s.theme
	pic.fill(pic.Bounds(), c.paper)
	pic.fill(image.Rect(0, 0, s.size.X, s.px(edgeHeight)), s.edge)
	pic.fill(image.Rect(0, s.footTop, s.size.X, s.size.Y), c.shade)
	pic.fill(image.Rect(0, s.footTop, s.size.X, s.footTop+1), c.line)
	for _, rule := range s.rules {
		pic.fill(rule, c.line)
	}
	for _, t := range s.texts {
		pic.drawText(t)
	}
	for _, b := range s.badges {
		pic.drawBadge(b)
	}
	return pic
}

func (pic *picture) fill(at image.Rectangle, c color.Color) {
	draw.Draw(pic, at, image.NewUniform(c), image.Point{}, draw.Src)
}

func (pic *picture) drawText(t textItem) { pic.pen.draw(pic, t.x, t.y, t.text, t.style, t.color) }

// fillPolygon fills a polygon with smooth edges; its points are in pixels.
func (pic *picture) fillPolygon(c color.Color, points ...[2]float64) {
	low, high := points[0], points[0]
	for _, p := range points {
		for i := range p {
			low[i], high[i] = min(low[i], p[i]), max(high[i], p[i])
		}
	}
	box := image.Rect(int(math.Floor(low[0])), int(math.Floor(low[1])), int(math.Ceil(high[0])), int(math.Ceil(high[1])))
	z := vector.NewRasterizer(box.Dx(), box.Dy())
	for i, p := range points {
		x, y := float32(p[0]-float64(box.Min.X)), float32(p[1]-float64(box.Min.Y))
		if i == 0 {
			z.MoveTo(x, y)
			continue
		}
		z.LineTo(x, y)
	}
	z.ClosePath()
	z.Draw(pic, box, image.NewUniform(c), image.Point{})
}

// fillRounded fills a rectangle with round corners.
func (pic *picture) fillRounded(at image.Rectangle, radius float64, c color.Color) {
	var points [][2]float64
	corner := func(x, y, from float64) {
		for i := range 9 {
			a := from + math.Pi/2*float64(i)/8
			points = append(points, [2]float64{x + radius*math.Cos(a), y + radius*math.Sin(a)})
		}
	}
	x0, y0, x1, y1 := float64(at.Min.X)+radius, float64(at.Min.Y)+radius, float64(at.Max.X)-radius, float64(at.Max.Y)-radius
	corner(x1, y0, -math.Pi/2)
	corner(x1, y1, 0)
	corner(x0, y1, math.Pi/2)
	corner(x0, y0, math.Pi)
	pic.fillPolygon(c, points...)
}

// drawBadge draws a mark: round and green with a tick when verified; otherwise
// pointed, with another colour, sign and word.
func (pic *picture) drawBadge(b badgeItem) {
	look := badges[b.mark]
	x0, y0, x1, y1 := float64(b.at.Min.X), float64(b.at.Min.Y), float64(b.at.Max.X), float64(b.at.Max.Y)
	if look.pointed {
		tip := (y1 - y0) / 3
		middle := (y0 + y1) / 2
		pic.fillPolygon(look.back, [2]float64{x0 + tip, y0}, [2]float64{x1 - tip, y0}, [2]float64{x1, middle},
			[2]float64{x1 - tip, y1}, [2]float64{x0 + tip, y1}, [2]float64{x0, middle})
	} else {
		pic.fillRounded(b.at, (y1-y0)/2, look.back)
	}
	l := pic.sheet.style(smallSize, true)
	base := (b.at.Min.Y+b.at.Max.Y)/2 + int(l.size*0.36)
	pic.drawSign(look, b.at.Min.X+pic.sheet.px(9), base, l)
	pic.pen.draw(pic, b.at.Min.X+pic.sheet.px(21), base, string(b.mark), l, look.front)
}

func (pic *picture) drawSign(look badge, x, base int, l textStyle) {
	u := l.size / 10
	at := func(dx, dy float64) [2]float64 { return [2]float64{float64(x) + dx*u, float64(base) - dy*u} }
	switch look.sign {
	case tick:
		pic.fillPolygon(look.front, at(0, 3.2), at(1.3, 4.4), at(3, 2.7), at(6.8, 7.6), at(8.2, 6.4), at(3.2, 0))
	case dash:
		pic.fillPolygon(look.front, at(0, 4.4), at(7, 4.4), at(7, 2.8), at(0, 2.8))
	case questionSign:
		pic.pen.draw(pic, x, base, "?", textStyle{l.size * 1.15, true}, look.front)
	case arrow:
		pic.fillPolygon(look.front, at(0, 4.6), at(4, 4.6), at(4, 7), at(8, 3.7), at(4, 0.4), at(4, 2.8), at(0, 2.8))
	case cross:
		pic.fillPolygon(look.front, at(0, 6.2), at(1.2, 7.4), at(4, 4.6), at(6.8, 7.4), at(8, 6.2), at(5.2, 3.4), at(8, 0.6), at(6.8, -0.6),
			at(4, 2.2), at(1.2, -0.6), at(0, 0.6), at(2.8, 3.4))
	case exclamation:
		pic.pen.draw(pic, x+int(2*u), base, "!", textStyle{l.size * 1.15, true}, look.front)
	}
}

// drawButton draws one choice in its current state.
func (pic *picture) drawButton(b button, enabled, pressed, ringed bool) {
	l, c := pic.sheet.buttonStyle(b), pic.sheet.theme
	back, front := red, white
	switch {
	case b.outlined && b.allows:
		back = c.safe
	case b.outlined:
		back = c.alarm
	case b.allows:
		back = green
	}
	switch {
	case !enabled:
		back, front = c.disabled, c.muted
	case pressed:
		back = color.RGBA{back.R / 2, back.G / 2, back.B / 2, 255}
	}
	radius := float64(pic.sheet.px(5))
	around := max(2, pic.sheet.px(3))
	pic.fill(b.at.Inset(-around), c.shade)
	if ringed {
		pic.fillRounded(b.at.Inset(-around), radius+float64(around), c.blue)
		pic.fillRounded(b.at.Inset(-1), radius+1, c.shade)
	}
	pic.fillRounded(b.at, radius, back)
	if b.outlined && !pressed {
		pic.fillRounded(b.at.Inset(max(1, pic.sheet.px(1.5))), radius, c.paper)
		front = back
		if !enabled {
			front = c.muted
		}
	}
	x := (b.at.Min.X + b.at.Max.X - pic.pen.width(b.label, l)) / 2
	y := (b.at.Min.Y+b.at.Max.Y)/2 + int(l.size*0.36)
	pic.pen.draw(pic, x, y, b.label, l, front)
	pic.drawUnderline(b, x, y, l, front)
}

// drawUnderline marks the letter that presses a button together with Alt.
func (pic *picture) drawUnderline(b button, x, y int, l textStyle, c color.RGBA) {
	before, _, found := strings.Cut(strings.ToLower(b.label), string(b.key))
	if !found || b.key == 0 {
		return
	}
	letter := b.label[len(before) : len(before)+1] // the labels are ASCII up to there
	x += pic.pen.width(b.label[:len(before)], l)
	top := y + max(2, int(l.size*0.14))
	pic.fill(image.Rect(x, top, x+pic.pen.width(letter, l), top+max(1, int(l.size*0.07))), c)
}

// drawStatus draws the status line and the bar below it.
func (pic *picture) drawStatus(text string, urgent bool, left float64) {
	s := pic.sheet
	at := image.Rect(0, s.status.y-ascent(s.status.style), s.size.X, s.bar.Max.Y)
	pic.fill(at, s.theme.shade)
	t := s.status
	if urgent {
		t.color, t.style.bold = s.theme.alarm, true
	}
	for _, row := range pic.pen.wrap(text, s.bar.Dx(), t.style) {
		t.text = row
		pic.drawText(t)
		t.y += lineHeight(t.style)
	}
	if s.q.Time > 0 {
		pic.fill(s.bar, s.theme.line)
		rest := s.bar
		rest.Max.X = rest.Min.X + int(float64(rest.Dx())*min(max(left, 0), 1))
		pic.fill(rest, s.theme.blue)
	}
}

// drawEntry draws the entry field, with a dot for each character.
func (pic *picture) drawEntry(count int, active bool) {
	at, c := pic.sheet.entry, pic.sheet.theme
	pic.fill(at, c.muted)
	if active {
		pic.fill(at, c.blue)
	}
	pic.fill(at.Inset(max(1, pic.sheet.px(2))), c.paper)
	dot, y := pic.sheet.px(9), (at.Min.Y+at.Max.Y)/2
	x := at.Min.X + pic.sheet.px(12)
	for range min(count, (at.Dx()-pic.sheet.px(24))/(dot+pic.sheet.px(4))) {
		pic.fillRounded(image.Rect(x, y-dot/2, x+dot, y-dot/2+dot), float64(dot)/2, c.ink)
		x += dot + pic.sheet.px(4)
	}
	if active {
		pic.fill(image.Rect(x, y-dot, x+max(1, pic.sheet.px(1.5)), y+dot), c.ink)
	}
}
