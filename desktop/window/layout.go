package window

import (
	"errors"
	"image"
	"image/color"
	"slices"

	"github.com/keybroker/keybroker/desktop/question"
)

// minZoom is the smallest zoom that makes everything fit, whatever scale the display
// asks for. Smaller text would be unreadable.
const minZoom = 0.7

// shrunkText appears in a window that is smaller than the display asks for.
const shrunkText = "The text is smaller than your desktop asks for, so that everything fits on this screen."

// errTooLarge means that the facts do not fit. Then nothing is shown: a window
// without one of the facts is worse than none.
var errTooLarge = errors.New("the facts do not fit on the screen")

// sheet is a question with the place of each of its parts.
type sheet struct {
	q           question.Question
	theme       theme
	shrunk      bool // smaller than the display asks for
	zoom        float64
	size        image.Point
	texts       []textItem
	badges      []badgeItem
	rules       []image.Rectangle // beside the continuation of a long line
	buttons     []button
	footTop     int             // of the grey part at the bottom
	status      textItem        // its text changes
	statusLines int             // at most
	edge        color.RGBA      // of the upper edge, for the worst mark
	bar         image.Rectangle // shows the remaining time
	entry       image.Rectangle // empty: no entry field
}

type textItem struct {
	x, y  int // y: the base line
	text  string
	style textStyle
	color color.RGBA
}

type badgeItem struct {
	at   image.Rectangle
	mark question.Mark
}

// button is one choice. A button that allows does nothing until the window is armed.
type button struct {
	at          image.Rectangle
	label       string
	word        question.Word
	needsArming bool
	allows      bool // also decides the colour
	outlined    bool // not the usual choice
	key         rune // with Alt; 0: none
}

// layOut makes the sheet as large as zoom asks for, or as small as it must be to fit
// in limit.
func layOut(q question.Question, p *pen, c theme, zoom float64, limit image.Point) (*sheet, error) {
	for factor := 1.0; zoom*factor >= minZoom; factor -= 0.05 {
		s := &sheet{q: q, theme: c, zoom: zoom * factor, shrunk: factor < 1}
		s.arrange(p)
		if s.size.X <= limit.X && s.size.Y <= limit.Y {
			return s, nil
		}
	}
	return nil, errTooLarge
}

func (s *sheet) px(units float64) int { return int(units*s.zoom + 0.5) }

func (s *sheet) style(size float64, bold bool) textStyle { return textStyle{size * s.zoom, bold} }

// arrange places everything from top to bottom.
func (s *sheet) arrange(p *pen) {
	s.size.X = s.px(sheetWidth)
	left, width := s.px(margin), s.px(sheetWidth-2*margin)
	s.edge = s.worstColor()
	y := s.px(margin)
	y = s.paragraph(p, left, y, width, s.q.Title, s.style(titleSize, true), s.theme.ink)
	y += s.px(8)
	for _, text := range s.q.Text {
		y = s.paragraph(p, left, y, width, text, s.style(textSize, false), s.theme.ink)
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
	s.footTop = y
	s.placeFoot(p, y+s.px(12))
}

// worstColor is the colour of the worst mark.
func (s *sheet) worstColor() color.RGBA {
	for _, mark := range worstMarks {
		if slices.ContainsFunc(s.q.Rows, func(row question.Line) bool { return row.Mark == mark }) {
			return badges[mark].back
		}
	}
	return s.theme.line
}

// paragraph places text of several lines and returns the y of the next part. The
// continuation of a long line is indented, with a rule beside it: it cannot pass for
// another line.
func (s *sheet) paragraph(p *pen, x, y, width int, text string, l textStyle, c color.RGBA) int {
	hang := s.px(hangingIndent)
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
	l := s.style(textSize, false)
	x := s.px(margin + labelColumn)
	if row.Label != "" {
		s.texts = append(s.texts, textItem{s.px(margin), y + ascent(l), row.Label, l, s.theme.muted})
	}
	width := s.size.X - s.px(margin) - x
	if row.Mark != "" {
		small := s.style(smallSize, true)
		w := p.width(string(row.Mark), small) + s.px(30)
		s.badges = append(s.badges, badgeItem{image.Rect(x, y+s.px(1), x+w, y+lineHeight(l)-s.px(1)), row.Mark})
		x += w + s.px(8)
		width -= w + s.px(8)
	}
	l.bold = row.Look == question.Strong
	c := s.theme.ink
	if row.Look == question.Faint {
		c = s.theme.muted
	}
	return s.paragraph(p, x, y, width, row.Text, l, c)
}

func (s *sheet) placeEntry(p *pen, y int) int {
	l := s.style(textSize, true)
	left, right := s.px(margin), s.size.X-s.px(margin)
	if s.q.Error != "" {
		y = s.paragraph(p, left, y, right-left, s.q.Error, l, s.theme.alarm)
	}
	y = s.paragraph(p, left, y, right-left, s.q.Prompt, l, s.theme.ink)
	s.entry = image.Rect(left, y+s.px(2), right, y+s.px(2+entryHeight))
	return s.entry.Max.Y + s.px(14)
}

// placeFoot places the text about the grant, the status line, and the buttons.
func (s *sheet) placeFoot(p *pen, y int) {
	small := s.style(smallSize, false)
	left, right := s.px(margin), s.size.X-s.px(margin)
	if s.q.For != "" && s.q.Grant != "" {
		y = s.paragraph(p, left, y, right-left, s.q.For+": "+s.q.Grant, small, s.theme.muted)
		y += s.px(4)
	}
	if s.shrunk {
		y = s.paragraph(p, left, y, right-left, shrunkText, small, s.theme.muted)
		y += s.px(4)
	}
	for _, text := range statusTexts(s.q) {
		s.statusLines = max(s.statusLines, len(p.wrap(text, right-left, textStyle{small.size, true})))
	}
	s.status = textItem{left, y + ascent(small), "", small, s.theme.ink}
	y += s.statusLines*lineHeight(small) + s.px(4)
	s.bar = image.Rect(left, y, right, y+s.px(barHeight))
	y = s.bar.Max.Y + s.px(14)
	y = s.placeButtons(p, y)
	s.size.Y = y + s.px(buttonHeight+margin-4)
}

// placeButtons puts the buttons that refuse on the left and those that allow on the
// right, or below when one row is too short. It returns the y of the last row.
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
	return max(p.width(b.label, s.buttonStyle(b))+s.px(28), s.px(104))
}

func (s *sheet) buttonStyle(b button) textStyle {
	if b.outlined && !b.allows {
		return s.style(smallSize, false)
	}
	return s.style(textSize, false)
}

// choices are the buttons of each kind; right is in order from the right edge.
func choices(q question.Question) (left, right []button) {
	switch q.Kind {
	case question.Confirm:
		left = []button{{label: "Deny", word: question.Deny, key: 'd'}}
		if q.Pause != "" {
			left = append(left, button{label: "Deny for " + q.Pause, word: question.DenyFor, outlined: true, needsArming: true})
		}
		right = []button{{label: "Allow once", word: question.AllowOnce, allows: true, needsArming: true, key: 'a'}}
		if q.For != "" {
			right = append(right, button{label: "Allow for " + q.For, word: question.AllowFor, allows: true, outlined: true, needsArming: true, key: 'f'})
		}
		if q.Burst != "" {
			right = append(right, button{label: q.Burst, word: question.AllowBurst, allows: true, outlined: true, needsArming: true, key: 'g'})
		}
	case question.Secret:
		left = []button{{label: "Cancel", word: question.Closed}}
		right = []button{{label: "OK", word: question.Typed, allows: true, needsArming: true}}
	case question.Notice:
		left = []button{{label: "Refuse", word: question.Deny, key: 'r'}}
	}
	return left, right
}
