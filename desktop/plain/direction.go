package plain

import (
	"strings"
	"unicode"
)

// mark ends what runs from right to left (U+200E, left-to-right mark).
const mark = "\u200e"

// rightToLeft are the blocks of the scripts that do, with their punctuation
// and digits (Unicode, Blocks.txt).
var rightToLeft = &unicode.RangeTable{
	R16: []unicode.Range16{{Lo: 0x0590, Hi: 0x08ff, Stride: 1}, {Lo: 0xfb1d, Hi: 0xfdff, Stride: 1}, {Lo: 0xfe70, Hi: 0xfefc, Stride: 1}},
	R32: []unicode.Range32{{Lo: 0x10800, Hi: 0x10fff, Stride: 1}, {Lo: 0x1e800, Hi: 0x1efff, Stride: 1}},
}

// leftToRight lets each word of such a script be turned round by itself, and
// nothing else with it: a value must not move the words that stand beside it.
func leftToRight(text string) string {
	var out strings.Builder
	within := false
	for _, r := range text {
		turns := unicode.Is(rightToLeft, r) || within && unicode.Is(unicode.M, r)
		if within != turns {
			out.WriteString(mark)
		}
		within = turns
		out.WriteRune(r)
	}
	if within {
		out.WriteString(mark)
	}
	return out.String()
}
