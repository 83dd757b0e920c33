package window

import (
	"errors"
	"image"
	"image/color"
	"slices"

	"github.com/keybroker/keybroker/desktop/question"
)

// minZoom is how small the window may be made so that everything fits, however
// large the display asks for it. Smaller letters could not be read.
const minZoom = 0.7

// smaller is said in a window whose letters are not of the size that was asked for.
const smaller = "The letters are smaller than your desktop's, so that everything fits on this screen."

// errTooMuch means that the facts do not fit. Then nothing is shown: a window
// with a fact left out is worse than none.
var errTooMuch = errors.New("the facts do not fit on the screen")

// sheet is a question with a place for everything.
type sheet struct {
	q       question.Question
	theme   theme
	smaller bool // than the display asks for
	zoom    float64
	size    image.Point
	texts   []textItem
	badges  []badgeItem
	rules   []image.Rectangle // beside the rest of a long line
	buttons []button
	foot    int             // where the grey part at the bottom begins
	status  textItem        // its text changes
	lines   int             // of the status, at most
	edge    color.RGBA      // of the upper edge: the worst mark's
	bar     image.Rectangle // what is left of the time
	entry   image.Rectangle // empty: there is nothing to type
}

type textItem struct {
	x, y  int // y: the base line
	text  string
	style lettering
	color color.RGBA
}

type badgeItem struct {
	at   image.Rectangle
	mark question.Mark
}

// button is one choice. Those that allow do nothing until the window is armed.
type button struct {
	at    image.Rectangle
	label string
	word  question.Word
	armed bool // needs arming
	allow bool // and its colour
	plain bool // drawn as an outline: not the usual one
	key   rune // with Alt; 0: none
}

// layOut makes the sheet as large as the display wants it, or as much smaller
// as it takes to fit in limit.
func layOut(q question.Question, p *pen, c theme, zoom float64, limit image.Point) (*sheet, error) {
	for factor := 1.0; zoom*factor >= minZoom; factor -= 0.05 {
		s := &sheet{q: q, theme: c, zoom: zoom * factor, smaller: factor < 1}
		s.place(p)
		if s.size.X <= limit.X && s.size.Y <= limit.Y {
			return s, nil
		}
	}
	return nil, errTooMuch
}

func (s *sheet) px(units float64) int { return int(units*s.zoom + 0.5) }

func (s *sheet) lettering(size float64, bold bool) lettering { return lettering{size * s.zoom, bold} }

// place goes from top to bottom.
func (s *sheet) place(p *pen) {
	s.size.X = s.px(sheetWidth)
	left, width := s.px(margin), s.px(sheetWidth-2*margin)
	s.edge = s.danger()
	y := s.px(margin)
	y = s.paragraph(p, left, y, width, s.q.Title, s.lettering(titleSize, true), s.theme.ink)
	y += s.px(8)
	for _, text := range s.q.Text {
		y = s.paragraph(p, left, y, width, text, s.lettering(textSize, false), s.theme.ink)
	}
	for i, row := range s.q.Rows {
		if row.Label != "" && (i > 0 || len(s.q.Text) > 0) {
			y += s.px(rowGap)
		}
		y = s.row(p, y, row)
	}
	y += s.px(12)
	if s.q.Kind == question.Secret {
		y = s.placeEntry(p, y)
	}
	s.foot = y
	s.placeFoot(p, y+s.px(12))
}

// danger is the colour of the worst mark.
func (s *sheet) danger() color.RGBA {
	for _, mark := range dangers {
		if slices.ContainsFunc(s.q.Rows, func(row question.Line) bool { return row.Mark == mark }) {
			return badges[mark].back
		}
	}
	return s.theme.line
}

// paragraph places text of several lines and returns where the next thing goes.
// What does not fit on the first line is moved in, with a rule beside it: it
// cannot be taken for a line of its own.
func (s *sheet) paragraph(p *pen, x, y, width int, text string, l lettering, c color.RGBA) int {
	hang := s.px(hangingIndex)
	for i, line := range p.wrap(text, width-hang, l) {
		at := x
		if i > 0 {
			at += hang
			s.rules = append(s.rules, image.Rect(x+hang/3, y, x+hang/3+s.px(2), y+lineHeight(l)))
		}
		s.texts = append(s.texts, textItem{at, y + ascent(l), line, l, c})
		y += lineHeight(l)
	}
	return y
}

func (s *sheet) row(p *pen, y int, row question.Line) int {
	l := s.lettering(textSize, false)
	x := s.px(margin + labelColumn)
	if row.Label != "" {
		s.texts = append(s.texts, textItem{s.px(margin), y + ascent(l), row.Label, l, s.theme.quiet})
	}
	width := s.size.X - s.px(margin) - x
	if row.Mark != "" {
		small := s.lettering(smallSize, true)
		w := p.width(string(row.Mark), small) + s.px(30)
		s.badges = append(s.badges, badgeItem{image.Rect(x, y+s.px(1), x+w, y+lineHeight(l)-s.px(1)), row.Mark})
		x += w + s.px(8)
		width -= w + s.px(8)
	}
	l.bold = row.Look == question.Strong
	c := s.theme.ink
	if row.Look == question.Faint {
		c = s.theme.quiet
	}
	return s.paragraph(p, x, y, width, row.Text, l, c)
}

func (s *sheet) placeEntry(p *pen, y int) int {
	l := s.lettering(textSize, true)
	left, right := s.px(margin), s.size.X-s.px(margin)
	if s.q.Error != "" {
		y = s.paragraph(p, left, y, right-left, s.q.Error, l, s.theme.alarm)
	}
	y = s.paragraph(p, left, y, right-left, s.q.Prompt, l, s.theme.ink)
	s.entry = image.Rect(left, y+s.px(2), right, y+s.px(2+entryHeight))
	return s.entry.Max.Y + s.px(14)
}

// placeFoot places what the grant covers, the line about silence, and the buttons.
func (s *sheet) placeFoot(p *pen, y int) {
	small := s.lettering(smallSize, false)
	left, right := s.px(margin), s.size.X-s.px(margin)
	if s.q.For != "" && s.q.Grant != "" {
		y = s.paragraph(p, left, y, right-left, s.q.For+": "+s.q.Grant, small, s.theme.quiet)
		y += s.px(4)
	}
	if s.smaller {
		y = s.paragraph(p, left, y, right-left, smaller, small, s.theme.quiet)
		y += s.px(4)
	}
	for _, text := range statusTexts(s.q) {
		s.lines = max(s.lines, len(p.wrap(text, right-left, lettering{small.size, true})))
	}
	s.status = textItem{left, y + ascent(small), "", small, s.theme.ink}
	y += s.lines*lineHeight(small) + s.px(4)
	s.bar = image.Rect(left, y, right, y+s.px(barHeight))
	y = s.bar.Max.Y + s.px(14)
	y = s.placeButtons(p, y)
	s.size.Y = y + s.px(buttonHeight+margin-4)
}

// placeButtons puts what refuses on the left and what allows on the right, or
// below where one row has no room for all. It returns where the last row is.
func (s *sheet) placeButtons(p *pen, y int) int {
	x := s.px(margin)
	leftButtons, rightButtons := choices(s.q)
	total := 2*x - s.px(buttonGap)
	for _, b := range append(leftButtons[:len(leftButtons):len(leftButtons)], rightButtons...) {
		total += s.buttonWidth(p, b) + s.px(buttonGap)
	}
	for _, b := range leftButtons {
		b.at = image.Rect(x, y, x+s.buttonWidth(p, b), y+s.px(buttonHeight))
		x = b.at.Max.X + s.px(buttonGap)
		s.buttons = append(s.buttons, b)
	}
	if total > s.size.X {
		y += s.px(buttonHeight + buttonGap)
	}
	x = s.size.X - s.px(margin)
	for _, b := range rightButtons {
		b.at = image.Rect(x-s.buttonWidth(p, b), y, x, y+s.px(buttonHeight))
		x = b.at.Min.X - s.px(buttonGap)
		s.buttons = append(s.buttons, b)
	}
	return y
}

func (s *sheet) buttonWidth(p *pen, b button) int {
	return max(p.width(b.label, s.buttonLettering(b))+s.px(28), s.px(104))
}

func (s *sheet) buttonLettering(b button) lettering {
	if b.plain && !b.allow {
		return s.lettering(smallSize, false)
	}
	return s.lettering(textSize, false)
}

// choices are the buttons of each kind; those on the right from the right.
func choices(q question.Question) (left, right []button) {
	switch q.Kind {
	case question.Confirm:
		left = []button{{label: "Deny", word: question.Deny, key: 'd'}}
		if q.Pause != "" {
			left = append(left, button{label: "Deny for " + q.Pause, word: question.DenyFor, plain: true, armed: true})
		}
		right = []button{{label: "Allow once", word: question.AllowOnce, allow: true, armed: true, key: 'a'}}
		if q.For != "" {
			right = append(right, button{label: "Allow for " + q.For, word: question.AllowFor, allow: true, plain: true, armed: true, key: 'f'})
		}
		if q.Burst != "" {
			right = append(right, button{label: q.Burst, word: question.AllowBurst, allow: true, plain: true, armed: true, key: 'g'})
		}
	case question.Secret:
		left = []button{{label: "Cancel", word: question.Closed}}
		right = []button{{label: "OK", word: question.Typed, allow: true, armed: true}}
	case question.Notice:
		left = []button{{label: "Refuse", word: question.Deny, key: 'r'}}
	}
	return left, right
}
