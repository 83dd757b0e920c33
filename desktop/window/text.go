package window

import (
	"fmt"
	"image"
	"image/color"
	"image/draw"
	"slices"
	"strings"
	"unicode"

	"golang.org/x/image/font"
	"golang.org/x/image/math/fixed"
)

// rightToLeft are the scripts whose words are drawn from right to left.
var rightToLeft = []*unicode.RangeTable{unicode.Hebrew, unicode.Arabic, unicode.Syriac, unicode.Thaana, unicode.Nko,
	unicode.Samaritan, unicode.Mandaic, unicode.Adlam, unicode.Mende_Kikakui, unicode.Hanifi_Rohingya}

// clusters splits text into characters with their combining marks, in drawing order
// from left to right. A word of a right-to-left script is reversed, but nothing moves
// beyond its own word: no text can displace another.
func clusters(s string) []string {
	var list []string
	for _, r := range s {
		if n := len(list); n > 0 && unicode.Is(unicode.M, r) {
			list[n-1] += string(r)
			continue
		}
		list = append(list, string(r))
	}
	for i := 0; i < len(list); i++ {
		start := i
		for i < len(list) && isRightToLeft(list[i]) {
			i++
		}
		slices.Reverse(list[start:i])
	}
	return list
}

func isRightToLeft(cluster string) bool {
	return unicode.In([]rune(cluster)[0], rightToLeft...)
}

// pen measures and draws text.
type pen struct {
	fonts  *fonts
	glyphs map[glyphKey]glyph
}

type glyphKey struct {
	r rune
	l textStyle
}

type glyph struct {
	mask    *image.Alpha // nil: blank
	at      image.Point  // of the mask, relative to the origin of the glyph
	advance int
}

// glyph returns the cached glyph of r.
func (p *pen) glyph(r rune, l textStyle) glyph {
	key := glyphKey{r, l}
	if g, ok := p.glyphs[key]; ok {
		return g
	}
	var g glyph
	if face := p.fonts.face(r, l); face != nil {
		g = rasterize(face, r)
	} else {
		g = p.missing(r, l)
	}
	p.glyphs[key] = g
	return g
}

func rasterize(face font.Face, r rune) glyph {
	bounds, mask, at, advance, ok := face.Glyph(fixed.Point26_6{}, r)
	if !ok {
		return glyph{}
	}
	g := glyph{advance: advance.Round(), at: bounds.Min}
	if !bounds.Empty() {
		own := image.NewAlpha(image.Rectangle{Max: bounds.Size()})
		draw.Draw(own, own.Bounds(), mask, at, draw.Src)
		g.mask = own
	}
	return g
}

// missing is a frame around the code point, for a character that no font has: two
// such characters differ.
func (p *pen) missing(r rune, l textStyle) glyph {
	small := textStyle{size: l.size * 0.6}
	code := fmt.Sprintf("%04X", r)
	width := p.width(code, small) + int(l.size*0.5)
	height := int(l.size)
	mask := image.NewAlpha(image.Rect(0, 0, width, height))
	frame := image.Rect(1, 0, width-1, height)
	draw.Draw(mask, frame, image.Opaque, image.Point{}, draw.Src)
	draw.Draw(mask, frame.Inset(1), image.Transparent, image.Point{}, draw.Src)
	p.draw(mask, int(l.size*0.25), int(l.size*0.72), code, small, color.Alpha{255})
	return glyph{mask: mask, at: image.Pt(0, -int(l.size*0.85)), advance: width}
}

// width is the width of s in pixels.
func (p *pen) width(s string, l textStyle) int {
	total := 0
	for _, r := range s {
		total += p.glyph(r, l).advance
	}
	return total
}

// draw writes s from x to the right, on the base line y.
func (p *pen) draw(dst draw.Image, x, y int, s string, l textStyle, c color.Color) {
	ink := image.NewUniform(c)
	for _, cluster := range clusters(s) {
		for _, r := range cluster {
			g := p.glyph(r, l)
			if g.mask != nil {
				at := image.Pt(x, y).Add(g.at)
				draw.DrawMask(dst, g.mask.Bounds().Add(at), ink, image.Point{}, g.mask, image.Point{}, draw.Over)
			}
			x += g.advance
		}
	}
}

// wrap breaks s into lines of at most width pixels: at spaces, and within a word that
// is too long.
func (p *pen) wrap(s string, width int, l textStyle) []string {
	var lines []string
	line := ""
	for _, word := range strings.SplitAfter(s, " ") {
		if p.width(strings.TrimRight(line+word, " "), l) <= width {
			line += word
			continue
		}
		if line != "" {
			lines = append(lines, strings.TrimRight(line, " "))
		}
		var pieces []string
		pieces, line = p.cut(word, width, l)
		lines = append(lines, pieces...)
	}
	return append(lines, strings.TrimRight(line, " "))
}

// cut breaks a word that is too long into full lines and the rest.
func (p *pen) cut(word string, width int, l textStyle) (full []string, rest string) {
	for _, r := range word {
		if rest != "" && !unicode.Is(unicode.M, r) && r != ' ' && p.width(rest, l)+p.glyph(r, l).advance > width {
			full, rest = append(full, rest), ""
		}
		rest += string(r)
	}
	return full, rest
}
