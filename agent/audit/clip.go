package audit

import (
	"fmt"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"
)

// Limits on text that other programs choose, so that no request can fill the disk
// or push the rest of a line out of sight. Escaping turns two bytes into twelve at
// worst, so that a record within these limits stays far below MaxLine.
const (
	MaxText   = 256  // bytes of a name, a comment, a namespace
	MaxPath   = 1024 // bytes of an executable's path
	MaxReason = 1024 // bytes of a reason
	MaxList   = 16   // parents, hops, names of one host
	MaxLine   = 1 << 18
)

// clip cuts s to at most n bytes, never within a character, and marks the cut.
func clip(s string, n int) string {
	const mark = "…"
	if len(s) <= n {
		return s
	}
	cut := n - len(mark)
	for cut > 0 && !utf8.RuneStart(s[cut]) {
		cut--
	}
	return s[:cut] + mark
}

// escapeUnprintable writes as \uXXXX the characters that encoding/json leaves
// alone but that could mislead a terminal or a reader: C1 controls, DEL,
// bidirectional overrides and so on. It returns line itself if it has none.
func escapeUnprintable(line []byte) []byte {
	for i := 0; i < len(line); i++ {
		if line[i] >= 0x7f {
			return appendEscaped(line[:i:i], line[i:])
		}
	}
	return line
}

func appendEscaped(out, rest []byte) []byte {
	for len(rest) > 0 {
		r, n := utf8.DecodeRune(rest)
		switch {
		case unicode.IsPrint(r):
			out = append(out, rest[:n]...)
		case r > 0xffff:
			high, low := utf16.EncodeRune(r)
			out = fmt.Appendf(out, `\u%04x\u%04x`, high, low)
		default:
			out = fmt.Appendf(out, `\u%04x`, r)
		}
		rest = rest[n:]
	}
	return out
}
