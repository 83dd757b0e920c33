package config

import (
	"bytes"
	"fmt"
	"strconv"
	"strings"
)

// position is the place of a key in a file, counted from 1. Columns count bytes, as in
// the TOML library.
type position struct{ line, col int }

// scanner finds the positions of the tables and keys in a valid TOML document. The TOML
// library has positions for syntax errors only, and for arrays of tables that of the
// last element. The scanner must terminate on any input, valid or not.
type scanner struct {
	data   []byte
	pos    int
	line   int            // of the last position found
	bol    int            // where that line begins
	table  string         // path of the table that keys go to
	counts map[string]int // elements so far of each array of tables
	found  map[string]position
}

// positions returns the place of every table header and of every key outside of inline
// tables, by the paths that decode uses: "confirm.timeout", "rule[2].host".
func positions(data []byte) map[string]position {
	s := scanner{data: data, line: 1, counts: map[string]int{}, found: map[string]position{}}
	if bytes.HasPrefix(data, []byte("\ufeff")) {
		s.pos = len("\ufeff")
	}
	for s.skipBlank(); s.pos < len(s.data); s.skipBlank() {
		start := s.pos
		if s.data[s.pos] == '[' {
			s.header()
		} else {
			s.add(start, s.resolve(s.table, s.key('=')))
			s.value()
		}
		if s.pos == start { // a stray byte in a broken document
			s.pos++
		}
	}
	return s.found
}

// add must be called with growing starts, so that it counts the file's lines only once.
func (s *scanner) add(start int, path string) {
	s.line += bytes.Count(s.data[s.bol:start], []byte("\n"))
	s.bol = 1 + bytes.LastIndexByte(s.data[:start], '\n')
	if _, ok := s.found[path]; !ok {
		s.found[path] = position{s.line, start - s.bol + 1}
	}
}

// header reads "[a.b]" or "[[a.b]]" and makes it the current table.
func (s *scanner) header() {
	start := s.pos
	array := bytes.HasPrefix(s.data[s.pos:], []byte("[["))
	s.pos++
	if array {
		s.pos++
	}
	parts := s.key(']')
	if array {
		s.table = join(s.resolve("", parts[:len(parts)-1]), parts[len(parts)-1])
		s.counts[s.table]++
		s.table = element(s.table, s.counts[s.table]-1)
	} else {
		s.table = s.resolve("", parts)
	}
	s.add(start, s.table)
	s.skipLine()
}

// resolve appends parts to path. An array of tables on the way means its last element.
func (s *scanner) resolve(path string, parts []string) string {
	for _, part := range parts {
		path = join(path, part)
		if n := s.counts[path]; n > 0 {
			path = element(path, n-1)
		}
	}
	return path
}

func join(path, part string) string {
	if path == "" {
		return part
	}
	return path + "." + part
}

func element(path string, i int) string { return fmt.Sprintf("%s[%d]", path, i) }

// key reads a dotted key and the byte that ends it. It returns at least one
// part.
func (s *scanner) key(end byte) []string {
	var parts []string
	var part []byte
	for s.pos < len(s.data) && s.data[s.pos] != end && s.data[s.pos] != '\n' {
		switch c := s.data[s.pos]; c {
		case '"', '\'':
			start := s.pos
			s.skipString()
			part = append(part, unquote(string(s.data[start:s.pos]))...)
			continue
		case '.':
			parts, part = append(parts, string(part)), nil
		case ' ', '\t', '\r':
		default:
			part = append(part, c)
		}
		s.pos++
	}
	if s.pos < len(s.data) && s.data[s.pos] == end {
		s.pos++
	}
	return append(parts, string(part))
}

func unquote(quoted string) string {
	if text, err := strconv.Unquote(quoted); err == nil && quoted[0] == '"' {
		return text
	}
	return strings.Trim(quoted, `'"`)
}

// value skips a value, up to the end of the line on which all brackets are closed.
func (s *scanner) value() {
	for depth := 0; s.pos < len(s.data); {
		switch s.data[s.pos] {
		case '"', '\'':
			s.skipString()
			continue
		case '#':
			s.skipLine()
			continue
		case '[', '{':
			depth++
		case ']', '}':
			depth--
		case '\n':
			if depth <= 0 {
				return
			}
		}
		s.pos++
	}
}

// skipString skips a string. Multi-line strings do not get here: see bounded.
func (s *scanner) skipString() {
	s.pos = min(s.pos+textLength(s.data[s.pos:])+1, len(s.data))
}

func (s *scanner) skipLine() {
	for s.pos < len(s.data) && s.data[s.pos] != '\n' {
		s.pos++
	}
}

func (s *scanner) skipBlank() {
	for s.pos < len(s.data) {
		switch s.data[s.pos] {
		case ' ', '\t', '\r', '\n':
			s.pos++
		case '#':
			s.skipLine()
		default:
			return
		}
	}
}
