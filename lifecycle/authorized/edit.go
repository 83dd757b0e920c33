package authorized

import (
	"bytes"
	"slices"
	"strings"
)

// Append adds a line, given without its end, and returns its number. It first ends
// the last line where that has no end: sshd would read both as one.
func (f *File) Append(text string) (number int, err error) {
	if err := check(text); err != nil {
		return 0, err
	}
	end := "\n"
	if last := len(f.Lines) - 1; last >= 0 {
		if bytes.HasSuffix(f.Lines[max(last-1, 0)].Raw, []byte("\r\n")) {
			end = "\r\n"
		}
		if !bytes.HasSuffix(f.Lines[last].Raw, []byte("\n")) {
			f.replace(last, append(f.Lines[last].Raw, end...))
		}
	}
	f.Lines = append(f.Lines, parseLine([]byte(text+end), len(f.Lines) == 0))
	f.renumber()
	return len(f.Lines), nil
}

// Quarantine comments out every line with the key and returns their numbers. note
// says for what; Restore finds the lines by it.
func (f *File) Quarantine(blob []byte, note string) []int {
	var changed []int
	for i, line := range f.Lines {
		if line.has(blob) && !line.Quarantined {
			f.replace(i, slices.Concat([]byte(quarantinePrefix(note)), line.Raw))
			changed = append(changed, i+1)
		}
	}
	f.renumber()
	return changed
}

// Restore undoes Quarantine for every line with the key, to the byte, and returns
// their numbers. With a note it passes over lines that were given another one.
func (f *File) Restore(blob []byte, note string) []int {
	var changed []int
	for i, line := range f.Lines {
		if !line.Quarantined || !line.has(blob) || note != "" && line.Note != "" && line.Note != clean(note) {
			continue
		}
		f.replace(i, original(line.Raw))
		changed = append(changed, i+1)
	}
	f.renumber()
	return changed
}

// Remove takes out every line with the key, quarantined or not, and returns their
// numbers before that.
func (f *File) Remove(blob []byte) []int {
	return f.remove(func(line Line) bool { return line.has(blob) })
}

// RemoveQuarantined takes out the lines with the key that are quarantined.
func (f *File) RemoveQuarantined(blob []byte) []int {
	return f.remove(func(line Line) bool { return line.has(blob) && line.Quarantined })
}

func (f *File) remove(isOut func(Line) bool) []int {
	var removed []int
	var kept []Line
	for i, line := range f.Lines {
		if isOut(line) {
			removed = append(removed, i+1)
		} else {
			kept = append(kept, line)
		}
	}
	f.Lines = kept
	f.renumber()
	return removed
}

func (f *File) replace(i int, raw []byte) { f.Lines[i] = parseLine(raw, i == 0) }

// A quarantined line is a comment: the prefix, and the line as it was.
const (
	quarantineStart = "# quarantined by keybroker ("
	quarantineEnd   = "): "
)

func quarantinePrefix(note string) string { return quarantineStart + clean(note) + quarantineEnd }

// clean keeps a note on its line and within its parentheses.
func clean(note string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f || r == '(' || r == ')' {
			return '-'
		}
		return r
	}, note)
}

// quarantined returns the line that a comment of keybroker's hides.
func quarantined(text string) (was, note string, ok bool) {
	if rest, found := strings.CutPrefix(text, quarantineStart); found {
		note, was, found = strings.Cut(rest, quarantineEnd)
		if found {
			return strings.TrimPrefix(was, byteOrderMark), note, true
		}
	}
	was, ok = overwritten(text)
	return was, "", ok
}

// original is raw without its quarantine.
func original(raw []byte) []byte {
	if rest, found := bytes.CutPrefix(raw, []byte(quarantineStart)); found {
		if _, was, found := bytes.Cut(rest, []byte(quarantineEnd)); found {
			return bytes.Clone(was)
		}
	}
	at := bytes.IndexByte(raw, '#')
	was, ok := overwritten(textOf(raw))
	if at < 0 || !ok {
		return raw
	}
	restored := bytes.Clone(raw)
	restored[at] = was[at]
	return restored
}

// overwritten returns the line whose first letter was replaced by '#', the edit of
// one byte (Minimal). The letter follows from the rest: of the type, or the option.
// A comment that somebody made by putting '#' before a line is not one: the line is
// whole without it.
func overwritten(text string) (was string, ok bool) {
	at := strings.IndexByte(text, '#')
	if at < 0 || strings.Trim(text[:at], blanks) != "" || !mayBeOverwritten(text[at+1:]) {
		return "", false
	}
	before, rest := text[:at], text[at+1:]
	if letsIn(rest) {
		return "", false
	}
	for letter := 'A'; letter <= 'z'; letter++ {
		if line := before + string(letter) + rest; letsIn(line) {
			return line, true
		}
	}
	return "", false
}

// mayBeOverwritten is a quick look, so that a comment costs no parsing: the base64 of
// every key begins with AAAA.
func mayBeOverwritten(rest string) bool {
	return rest != "" && !strings.ContainsAny(rest[:1], blanks) &&
		(strings.Contains(rest, " AAAA") || strings.Contains(rest, "\tAAAA"))
}

func letsIn(text string) bool {
	var line Line
	line.read(text)
	return line.Blob != nil && line.Dead == ""
}
