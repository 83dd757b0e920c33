package window

import (
	"image/color"

	"github.com/keybroker/keybroker/desktop/question"
)

// Colours. Each text has a contrast of 4.5 to 1 or more on what it stands on
// (WCAG 2.1, 1.4.3).
var (
	paper    = color.RGBA{0xff, 0xff, 0xff, 0xff}
	shade    = color.RGBA{0xf2, 0xf3, 0xf5, 0xff}
	line     = color.RGBA{0xc9, 0xcd, 0xd3, 0xff}
	ink      = color.RGBA{0x16, 0x1a, 0x20, 0xff}
	quiet    = color.RGBA{0x5a, 0x61, 0x6b, 0xff}
	white    = color.RGBA{0xff, 0xff, 0xff, 0xff}
	red      = color.RGBA{0xa8, 0x1f, 0x28, 0xff}
	green    = color.RGBA{0x1f, 0x69, 0x3a, 0xff}
	asleep   = color.RGBA{0xd8, 0xdb, 0xe0, 0xff} // a button that does nothing yet
	blue     = color.RGBA{0x2f, 0x62, 0xb0, 0xff}
	amber    = color.RGBA{0xf6, 0xc3, 0x43, 0xff}
	orange   = color.RGBA{0xf0, 0x9a, 0x38, 0xff}
	darkgrey = color.RGBA{0x55, 0x5b, 0x66, 0xff}
)

// badge is how a mark looks: colour, sign and word, and a shape of its own.
type badge struct {
	back, front color.RGBA
	sign        sign
	outline     bool // of the other shape: pointed, not round
}

type sign int

const (
	tick sign = iota
	questionSign
	exclamation
	dash
)

var badges = map[question.Mark]badge{
	question.Verified: {green, white, tick, false},
	question.New:      {orange, ink, exclamation, true},
	question.Claimed:  {amber, ink, questionSign, true},
	question.Unknown:  {darkgrey, white, dash, true},
}

// Sizes at 96 dots an inch.
const (
	sheetWidth   = 640.0
	margin       = 22.0
	labelColumn  = 84.0
	titleSize    = 19.0
	textSize     = 14.5
	smallSize    = 12.0
	rowGap       = 4.0
	hangingIndex = 14.0 // how far the rest of a long line is moved in
	buttonHeight = 40.0
	buttonGap    = 10.0
	barHeight    = 4.0
	entryHeight  = 38.0
)
