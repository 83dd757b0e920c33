package report

import (
	"fmt"
	"time"
)

// Plot is a drawing in units of a pixel, from the upper left corner.
type Plot struct {
	Width, Height float64
	Marks         []Mark
	Texts         []Text
	Lines         []Line
	More          string // what the drawing has no room for
}

// Mark is a rectangle with what it says when the pointer is on it.
type Mark struct {
	X, Y, Width, Height, Round float64
	Class, Title, Link         string // Link: the identifier of a row of the page, or ""
}

// Text is a line of letters. Anchor is where X is: "start", "middle" or "end".
type Text struct {
	X, Y         float64
	Anchor, Text string
	Class        string
	Turned       bool // upwards
}

// Line joins two points with a curve.
type Line struct {
	X1, Y1, X2, Y2 float64
	Class, Title   string
}

// Middle is where the curve of a line bends.
func (l Line) Middle() float64 { return (l.X1 + l.X2) / 2 }

// reach is the class of a mark by how much its key opens.
func (k *Key) reach() string {
	switch {
	case k.Root:
		return "root"
	case len(k.Doors) == 0:
		return "none"
	case len(k.Doors) >= wide:
		return "wide"
	}
	return "few"
}

// wide is from how many authorisations a key opens much.
const wide = 10

// ages are the columns of the plot of keys, by the time since the last use.
var ages = []struct {
	title string
	up    time.Duration
}{
	{"in the last day", day}, {"in a week", 7 * day}, {"in 30 days", 30 * day}, {"in 90 days", 90 * day}, {"in 180 days", 180 * day},
	{"in a year", 365 * day}, {"in 2 years", 730 * day}, {"before that", 1 << 62}, {"no known use", 0},
}

func (r *Report) age(key *Key) int {
	if key.LastUsed.IsZero() {
		return len(ages) - 1
	}
	for n, age := range ages {
		if r.Taken.Sub(key.LastUsed) < age.up {
			return n
		}
	}
	return len(ages) - 2
}

// KeysByUse has one square a key, in columns by last use.
func (r *Report) KeysByUse() Plot {
	const width, column, highest, most, perColumn = 900.0, 100.0, 165.0, 16.0, 5
	columns, fullest := make([][]*Key, len(ages)), 0
	for _, key := range r.Keys {
		n := r.age(key)
		columns[n] = append(columns[n], key)
		fullest = max(fullest, len(columns[n]))
	}
	bottom := min(highest, 42+most*float64(fullest/perColumn))
	p := Plot{Width: width, Height: bottom + 25}
	for n, list := range columns {
		left := float64(n) * column
		p.Texts = append(p.Texts, Text{X: left + column/2, Y: bottom + 18, Anchor: "middle", Text: ages[n].title})
		side, perRow := squares(len(list), column-16, bottom-26)
		for i, key := range list {
			x, y := left+8+float64(i%perRow)*side, bottom-float64(i/perRow+1)*side
			p.Marks = append(p.Marks, Mark{X: x, Y: y, Width: side * 0.86, Height: side * 0.86, Round: side * 0.2, Class: key.reach(), Link: key.id(),
				Title: fmt.Sprintf("%s: %s, last used %s", key.Name, plural(len(key.Doors), "authorisation"), used(key.LastUsed))})
		}
		if len(list) > 0 {
			top := bottom - float64((len(list)-1)/perRow+1)*side - 6
			p.Texts = append(p.Texts, Text{X: left + 8, Y: top, Anchor: "start", Text: count(len(list)), Class: "strong"})
		}
	}
	p.Lines = append(p.Lines, Line{X1: 0, Y1: bottom + 2, X2: width, Y2: bottom + 2, Class: "axis"})
	return p
}

// squares is the largest side, at the most 16, with which n squares fit into a box.
func squares(n int, width, height float64) (side float64, perRow int) {
	for side = 16; side > 1; side *= 0.9 {
		perRow = int(width / side)
		if float64((n+perRow-1)/perRow)*side <= height {
			break
		}
	}
	return side, max(perRow, 1)
}

// id names the first row of the key in the page.
func (k *Key) id() string { return "key-" + count(k.number) }

// used is a time of use in words.
func used(at time.Time) string {
	if at.IsZero() {
		return "not known"
	}
	return at.Format("2006-01-02")
}
