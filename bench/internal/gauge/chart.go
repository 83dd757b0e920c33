package gauge

import (
	"fmt"
	"html"
	"io"
	"math"
	"strconv"
	"strings"
)

// Chart shows how figures grow: lines over two logarithmic axes, as SVG.
type Chart struct {
	Title, X, Y string // what the axes count, with the unit
	Lines       []Line
}

// Line is one line of a chart. All its values are above zero.
type Line struct {
	Name   string
	Points []Point
}

// Point is one measured value.
type Point struct{ X, Y float64 }

// The picture in pixels: its size, and the margins of the plot.
const (
	chartWidth, chartHeight  = 640.0, 360.0
	chartLeft, chartRight    = 70.0, 170.0
	chartTop, chartBottom    = 40.0, 50.0
	legendStep, chartPadding = 20.0, 10.0
)

// chartColors can be told apart by people who do not see all colours (Okabe and Ito).
var chartColors = []string{"#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9"}

// axis is a logarithmic one, from a power of ten to another.
type axis struct {
	low, high float64 // exponents
	at, size  float64 // pixels; size is negative upwards
}

func axisOf(values []float64, at, size float64) axis {
	low, high := math.Inf(1), math.Inf(-1)
	for _, v := range values {
		low, high = min(low, math.Floor(math.Log10(v))), max(high, math.Ceil(math.Log10(v)))
	}
	if low == high {
		high++
	}
	return axis{low, high, at, size}
}

func (a axis) place(value float64) float64 {
	return a.at + a.size*(math.Log10(value)-a.low)/(a.high-a.low)
}

// WriteSVG writes the chart.
func (c *Chart) WriteSVG(w io.Writer) error {
	var xs, ys []float64
	for _, line := range c.Lines {
		for _, p := range line.Points {
			xs, ys = append(xs, p.X), append(ys, p.Y)
		}
	}
	x := axisOf(xs, chartLeft, chartWidth-chartLeft-chartRight)
	y := axisOf(ys, chartHeight-chartBottom, chartTop+chartBottom-chartHeight)
	var b strings.Builder
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %v %v" font-family="sans-serif" font-size="12">`+"\n", chartWidth, chartHeight)
	fmt.Fprintf(&b, `<rect width="100%%" height="100%%" fill="white"/>`+"\n")
	text(&b, chartLeft, chartTop/2, "start", c.Title+", "+c.Y)
	text(&b, x.at+x.size/2, chartHeight-chartPadding, "middle", c.X)
	grid(&b, x, y)
	for i, line := range c.Lines {
		line.draw(&b, x, y, chartColors[i%len(chartColors)], chartTop+chartPadding+float64(i)*legendStep)
	}
	b.WriteString("</svg>\n")
	_, err := io.WriteString(w, b.String())
	return err
}

// Markdown is a table of the values: a row for each line.
func (c *Chart) Markdown() string {
	var b strings.Builder
	fmt.Fprintf(&b, "| %s, %s |", c.Title, c.Y)
	for _, p := range c.Lines[0].Points {
		fmt.Fprintf(&b, " %s |", strconv.FormatFloat(p.X, 'f', -1, 64))
	}
	b.WriteString("\n|---|" + strings.Repeat("---|", len(c.Lines[0].Points)) + "\n")
	for _, line := range c.Lines {
		fmt.Fprintf(&b, "| %s |", line.Name)
		for _, p := range line.Points {
			fmt.Fprintf(&b, " %s |", Number(p.Y))
		}
		b.WriteString("\n")
	}
	return b.String()
}

// grid draws a line at each power of ten, and writes what it is.
func grid(b *strings.Builder, x, y axis) {
	for e := x.low; e <= x.high; e++ {
		at := x.place(math.Pow(10, e))
		stroke(b, at, y.at, at, y.at+y.size, "#ddd")
		text(b, at, y.at+legendStep, "middle", powerOfTen(e))
	}
	for e := y.low; e <= y.high; e++ {
		at := y.place(math.Pow(10, e))
		stroke(b, x.at, at, x.at+x.size, at, "#ddd")
		text(b, x.at-chartPadding/2, at+chartPadding/2, "end", powerOfTen(e))
	}
}

func powerOfTen(exponent float64) string {
	return fmt.Sprintf("%.*f", int(max(-exponent, 0)), math.Pow(10, exponent))
}

func (l *Line) draw(b *strings.Builder, x, y axis, color string, legend float64) {
	var points []string
	for _, p := range l.Points {
		points = append(points, fmt.Sprintf("%.1f,%.1f", x.place(p.X), y.place(p.Y)))
		fmt.Fprintf(b, `<circle cx="%.1f" cy="%.1f" r="3" fill="%s"/>`+"\n", x.place(p.X), y.place(p.Y), color)
	}
	fmt.Fprintf(b, `<polyline points="%s" fill="none" stroke="%s" stroke-width="2"/>`+"\n", strings.Join(points, " "), color)
	right := x.at + x.size + chartPadding
	stroke(b, right, legend, right+legendStep, legend, color)
	text(b, right+legendStep+chartPadding/2, legend+chartPadding/2, "start", l.Name)
}

func stroke(b *strings.Builder, x1, y1, x2, y2 float64, color string) {
	fmt.Fprintf(b, `<line x1="%.1f" y1="%.1f" x2="%.1f" y2="%.1f" stroke="%s"/>`+"\n", x1, y1, x2, y2, color)
}

func text(b *strings.Builder, x, y float64, anchor, text string) {
	fmt.Fprintf(b, `<text x="%.1f" y="%.1f" text-anchor="%s">%s</text>`+"\n", x, y, anchor, html.EscapeString(text))
}
