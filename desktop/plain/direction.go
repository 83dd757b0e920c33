package plain

import (
	"strings"
	"unicode"
)

// leftToRightMark ends a right-to-left run.
const leftToRightMark = "\u200e"

// rightToLeft are the blocks of right-to-left scripts, with their punctuation and digits
// (Unicode, Blocks.txt).
var rightToLeft = &unicode.RangeTable{
	R16: []unicode.Range16{{Lo: 0x0590, Hi: 0x08ff, Stride: 1}, {Lo: 0xfb1d, Hi: 0xfdff, Stride: 1}, {Lo: 0xfe70, Hi: 0xfefc, Stride: 1}},
	R32: []unicode.Range32{{Lo: 0x10800, Hi: 0x10fff, Stride: 1}, {Lo: 0x1e800, Hi: 0x1efff, Stride: 1}},
}

// leftToRight surrounds each right-to-left run with marks, so that the dialog reverses
// nothing else: a value must not move the words beside it.
func leftToRight(text string) string {
	var out strings.Builder
	inside := false
	for _, r := range text {
		isRightToLeft := unicode.Is(rightToLeft, r) || inside && unicode.Is(unicode.M, r)
		if inside != isRightToLeft {
			out.WriteString(leftToRightMark)
		}
		inside = isRightToLeft
		out.WriteRune(r)
	}
	if inside {
		out.WriteString(leftToRightMark)
	}
	return out.String()
}
