package authorized

import (
	"bytes"
	"strings"
)

const (
	blanks        = " \t" // what sshd skips between the fields of a line
	byteOrderMark = "\xef\xbb\xbf"
)

// parseLine reads one line as sshd does. first is true for the first line of a file.
func parseLine(raw []byte, first bool) Line {
	line := Line{Raw: raw}
	text := textOf(raw)
	if original, note, ok := quarantined(text); ok {
		line.read(original)
		line.Quarantined, line.Note = true, note
		return line
	}
	if rest, marked := strings.CutPrefix(text, byteOrderMark); marked && first {
		if line.read(rest); line.Blob != nil {
			line.Dead = "a byte order mark stands before it"
		}
		return line
	}
	line.read(text)
	return line
}

// textOf is what sshd sees of a line: it reads C strings, which end at a zero byte.
func textOf(raw []byte) string {
	if at := bytes.IndexByte(raw, 0); at >= 0 {
		raw = raw[:at]
	}
	return strings.TrimSuffix(string(raw), "\n")
}

// read fills in the fields of a line of text: [options] type base64 [comment].
func (l *Line) read(text string) {
	text = strings.TrimLeft(text, blanks)
	if text == "" || text[0] == '#' {
		return
	}
	if l.readKey(text) {
		return
	}
	options, rest, closed := cutOptions(text)
	if !closed || !l.readKey(strings.TrimLeft(rest, blanks)) {
		return
	}
	var problem string
	if l.Options, problem = parseOptions(options); problem != "" && l.Dead == "" {
		l.Dead = problem
	}
}

// cutOptions takes the options off a line: they end at a blank outside of quotes.
func cutOptions(text string) (options, rest string, closed bool) {
	quoted := false
	for i := 0; i < len(text); i++ {
		switch {
		case text[i] == '\\' && i+1 < len(text) && text[i+1] == '"':
			i++
		case text[i] == '"':
			quoted = !quoted
		case !quoted && strings.IndexByte(blanks, text[i]) >= 0:
			return text[:i], text[i:], true
		}
	}
	return text, "", !quoted
}
