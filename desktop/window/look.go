package window

import (
	"image/color"

	"github.com/keybroker/keybroker/desktop/question"
)

// theme is a set of colours. Each text has a contrast of at least 4.5 to 1 to its
// background (WCAG 2.1, 1.4.3).
type theme struct {
	paper, shade, line, ink, muted color.RGBA
	disabled                       color.RGBA // a button that does nothing yet
	alarm, safe                    color.RGBA // text and outlined buttons
	blue                           color.RGBA
}

var (
	light = theme{
		paper: rgb(0xffffff), shade: rgb(0xf2f3f5), line: rgb(0xc9cdd3), ink: rgb(0x161a20), muted: rgb(0x5a616b),
		disabled: rgb(0xd8dbe0), alarm: red, safe: green, blue: rgb(0x2f62b0),
	}
	dark = theme{
		paper: rgb(0x1e2228), shade: rgb(0x272c34), line: rgb(0x4a525e), ink: rgb(0xeceff3), muted: rgb(0xb0b8c4),
		disabled: rgb(0x3a404a), alarm: rgb(0xff9a94), safe: rgb(0x7fd19b), blue: rgb(0x6aa5f0),
	}
)

// Colours that are the same in each theme, as is the text on them.
var (
	white    = rgb(0xffffff)
	black    = rgb(0x161a20)
	red      = rgb(0xa81f28)
	green    = rgb(0x1f693a)
	amber    = rgb(0xf6c343)
	orange   = rgb(0xf09a38)
	violet   = rgb(0x5b4b9e)
	darkgrey = rgb(0x555b66)
)

func rgb(hex uint32) color.RGBA {
	return color.RGBA{uint8(hex >> 16), uint8(hex >> 8), uint8(hex), 0xff}
}

// badge is the look of a mark beside its word: colours, sign and shape.
type badge struct {
	back, front color.RGBA
	sign        sign
	pointed     bool // otherwise round
}

type sign int

const (
	tick sign = iota
	questionSign
	exclamation
	dash
	arrow
	cross
)

var badges = map[question.Mark]badge{
	question.Verified:  {green, white, tick, false},
	question.New:       {orange, black, exclamation, true},
	question.Claimed:   {amber, black, questionSign, true},
	question.Unknown:   {darkgrey, white, dash, true},
	question.Forwarded: {violet, white, arrow, true},
	question.OtherName: {red, white, cross, true},
}

// worstMarks lists the marks, the worst first. The upper edge of the window has the
// colour of the worst one in it.
var worstMarks = []question.Mark{question.OtherName, question.Unknown, question.New, question.Claimed, question.Forwarded, question.Verified}

// Sizes at 96 dots per inch.
const (
	sheetWidth    = 640.0
	margin        = 22.0
	labelColumn   = 84.0
	titleSize     = 19.0
	textSize      = 14.5
	smallSize     = 12.0
	rowGap        = 4.0
	hangingIndent = 14.0 // of the continuation of a long line
	buttonHeight  = 40.0
	buttonGap     = 10.0
	barHeight     = 4.0
	entryHeight   = 38.0
	edgeHeight    = 6.0
)
