package service

import (
	"strings"

	"github.com/keybroker/keybroker/problem"
)

// The lines around a block. They are comments in every shell that reads such a file.
const (
	blockBegin = "# >>> keybroker: \"keybroker service\" writes these lines and removes them >>>\n"
	blockEnd   = "# <<< keybroker <<<\n"
)

// findBlock returns the lines between the marks.
func findBlock(whole string) (text string, there bool, err error) {
	begin, end := strings.Count(whole, blockBegin), strings.Count(whole, blockEnd)
	if begin == 0 && end == 0 {
		return "", false, nil
	}
	_, rest, found := strings.Cut(whole, blockBegin)
	text, _, closed := strings.Cut(rest, blockEnd)
	if begin != 1 || end != 1 || !found || !closed {
		return "", false, problem.New("the marks of keybroker's lines are not in order", "remove the lines from \"# >>> keybroker\" to \"# <<< keybroker\" yourself, and run this again")
	}
	return text, true, nil
}

// putBlock puts the lines into whole: in the place of the old ones, or at the end.
func putBlock(whole, text string) string {
	block := blockBegin + text + blockEnd
	if before, rest, found := strings.Cut(whole, blockBegin); found {
		_, after, _ := strings.Cut(rest, blockEnd)
		return before + block + after
	}
	if openEnded(whole) {
		whole += "\n"
	}
	return whole + block
}

// cutBlock takes the lines out. open says that the file did not end with a newline
// before they were put there.
func cutBlock(whole string, open bool) string {
	before, rest, found := strings.Cut(whole, blockBegin)
	if !found {
		return whole
	}
	_, after, _ := strings.Cut(rest, blockEnd)
	if open && after == "" {
		before = strings.TrimSuffix(before, "\n")
	}
	return before + after
}

func openEnded(whole string) bool { return whole != "" && !strings.HasSuffix(whole, "\n") }
