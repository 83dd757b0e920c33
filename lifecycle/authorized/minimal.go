package authorized

import (
	"bytes"
	"slices"
	"strings"

	"github.com/keybroker/keybroker/problem"
)

// Patch is one write into a file that changes nothing else: one byte in its place, or
// text at the end.
type Patch struct {
	Offset int    // of Old in the file as it was; its size for what is appended
	Line   []byte // the whole line that the byte is in, to be found there before the write; nil: appended
	In     int    // index of the byte in Line
	New    []byte
}

// Minimal turns the change from old to new into writes that need no second file: each
// line that is gone gets '#' for its first letter, each new one is appended. sshd
// lets in by the result whom it lets in by new. It returns an error where that cannot
// be done, and the result.
//
// These writes work on a full disk, in a directory that cannot be written, and through
// links, which is where replacing the file does not.
func Minimal(before, after []byte) ([]Patch, []byte, error) {
	was, is := Parse(before), Parse(after)
	gone, added := difference(was.Lines, is.Lines), difference(is.Lines, was.Lines)
	result := bytes.Clone(before)
	var patches []Patch
	write := func(line Line, in int, letter byte) {
		patches = append(patches, Patch{Offset: line.Offset + in, Line: line.Raw, In: in, New: []byte{letter}})
		result[line.Offset+in] = letter
	}
	for _, line := range gone {
		if at := backIn(line, added); at >= 0 {
			in := bytes.IndexByte(line.Raw, '#')
			write(line, in, added[at].Raw[in])
			added = slices.Delete(added, at, at+1)
		} else if bytes.HasPrefix(line.Raw, []byte(quarantineStart)) { // a comment like any other from now on
			write(line, len("# "), 'Q')
		} else if line.Blob != nil && !line.Quarantined {
			write(line, len(line.Raw)-len(bytes.TrimLeft(line.Raw, blanks)), '#')
		}
	}
	if text := Joined(before, keyLines(added)); len(text) > 0 {
		patches = append(patches, Patch{Offset: len(before), New: text})
		result = append(result, text...)
	}
	if !same(Parse(result), is) {
		return nil, nil, problem.New("this change cannot be made within the file as it is", "let its directory be written, or make the change by hand")
	}
	return patches, result, nil
}

// backIn is the index of the added line that a quarantined line becomes by one byte.
func backIn(line Line, added []Line) int {
	at := bytes.IndexByte(line.Raw, '#')
	if !line.Quarantined || at < 0 {
		return -1
	}
	return slices.IndexFunc(added, func(other Line) bool {
		return len(other.Raw) == len(line.Raw) && bytes.Equal(other.Raw[:at], line.Raw[:at]) && bytes.Equal(other.Raw[at+1:], line.Raw[at+1:])
	})
}

// keyLines keeps the lines that have a key.
func keyLines(lines []Line) []Line {
	return slices.DeleteFunc(lines, func(line Line) bool { return line.Blob == nil || line.Quarantined })
}

// Added returns the lines of after that before has not.
func Added(before, after []byte) []Line {
	return difference(Parse(after).Lines, Parse(before).Lines)
}

// Holds reports whether now, which others may have written to as well, has the change
// from before to after: every line of after, and none that the change took out.
func Holds(now, before, after []byte) bool {
	if len(Added(now, after)) > 0 {
		return false
	}
	came := make(map[string]bool)
	for _, line := range Added(after, now) {
		came[content(line)] = true
	}
	return !slices.ContainsFunc(Added(after, before), func(line Line) bool { return came[content(line)] })
}

// Joined is the text that adds the lines to the end of a file.
func Joined(file []byte, lines []Line) []byte {
	var text []byte
	for _, line := range lines {
		text = append(append(text, bytes.TrimRight(line.Raw, "\n")...), '\n')
	}
	if len(text) > 0 && len(file) > 0 && file[len(file)-1] != '\n' {
		text = append([]byte{'\n'}, text...)
	}
	return text
}

// difference is the lines of a that b has not, each as often as b lacks it. The end of
// a line does not count.
func difference(a, b []Line) []Line {
	there := make(map[string]int)
	for _, line := range b {
		there[content(line)]++
	}
	var missing []Line
	for _, line := range a {
		if there[content(line)]--; there[content(line)] < 0 {
			missing = append(missing, line)
		}
	}
	return missing
}

func content(line Line) string { return strings.TrimRight(string(line.Raw), "\n") }

// same reports whether two files have the same lines with keys, in any order.
func same(a, b *File) bool {
	of := func(f *File) []string {
		var list []string
		for _, line := range f.Lines {
			if line.Blob != nil && !line.Quarantined {
				list = append(list, content(line))
			}
		}
		slices.Sort(list)
		return list
	}
	return slices.Equal(of(a), of(b))
}
