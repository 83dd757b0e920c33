package config

import (
	"bytes"
	"fmt"
)

// Bounds on the input of the TOML library, whose time grows faster than the square of
// a key's parts and of the nesting depth: 400 KB of "a.a.a…" took it minutes. No real
// configuration comes near them.
const (
	maxDots  = 32 // in one line, outside of strings
	maxDepth = 32 // open brackets and braces
)

// bounded returns a *Fault for a document that would keep the library busy. It refuses
// multi-line strings, which no setting needs: without them each line can be checked
// separately.
func bounded(file string, data []byte) error {
	depth, number := 0, 0
	for line := range bytes.Lines(data) {
		number++
		fault := func(col int, format string, args ...any) error {
			return &Fault{File: file, Line: number, Col: col + 1, Message: fmt.Sprintf(format, args...)}
		}
		dots := 0
		for col := 0; col < len(line) && line[col] != '#'; col++ {
			switch line[col] {
			case '"', '\'':
				if bytes.HasPrefix(line[col:], bytes.Repeat(line[col:col+1], 3)) {
					return fault(col, "multi-line strings are not supported: write it in one line")
				}
				col += textLength(line[col:])
			case '[', '{':
				depth++
			case ']', '}':
				depth = max(depth-1, 0)
			case '.':
				dots++
			}
			if depth > maxDepth {
				return fault(col, "more than %d brackets are open here", maxDepth)
			}
			if dots > maxDots {
				return fault(col, "more than %d dots in one line", maxDots)
			}
		}
	}
	return nil
}

// textLength counts the bytes of line between its first quote and the quote that ends
// the string.
func textLength(line []byte) int {
	for i := 1; i < len(line); i++ {
		switch {
		case line[i] == '\\' && line[0] == '"':
			i++
		case line[i] == line[0]:
			return i
		}
	}
	return len(line)
}
