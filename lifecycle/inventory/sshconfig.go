package inventory

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"

	"github.com/keybroker/keybroker/keys/ascii"
)

const (
	// maxConfig bounds one file of ssh_config. Those of large fleets have a few MiB.
	maxConfig = 8 << 20
	// maxIncludes bounds how deep files include others, as in OpenSSH (readconf.c).
	maxIncludes = 16
	// maxConfigFiles bounds the files that one Include can name.
	maxConfigFiles = 1000
)

// setting is one line of ssh_config(5).
type setting struct {
	file  string
	line  int    // from 1
	block string // "Host web*", "Match user git"; "": before the first block
	name  string // in lower case
	args  []string
}

// everyHost reports whether the setting holds for all hosts.
func (s setting) everyHost() bool {
	return s.block == "" || s.block == "Host *" || s.block == "Match all"
}

// readSSHConfig returns the lines of a file and of those that it includes. relative is
// where names of included files begin. fault is called for each file that cannot be read.
func readSSHConfig(path, relative string, fault func(path string, err error)) []setting {
	r := configReader{relative: relative, fault: fault, open: map[string]bool{}}
	r.file(path, "", 0)
	return r.settings
}

type configReader struct {
	relative string
	fault    func(path string, err error)
	open     map[string]bool // files that are being read
	settings []setting
}

func (r *configReader) file(path, block string, depth int) {
	if depth > maxIncludes || r.open[path] {
		return
	}
	content, _, err := readFile(path, maxConfig)
	if err != nil {
		r.fault(path, err)
		return
	}
	r.open[path] = true
	defer delete(r.open, path)
	line := 0
	for text := range bytes.Lines(content) {
		line++
		words := configWords(string(text))
		if len(words) == 0 {
			continue
		}
		s := setting{path, line, block, ascii.Lower(words[0]), words[1:]}
		switch s.name {
		case "host", "match":
			block = strings.ToUpper(s.name[:1]) + s.name[1:] + " " + strings.Join(s.args, " ")
			s.block = block
		case "include":
			r.include(s, depth)
		}
		r.settings = append(r.settings, s)
	}
}

func (r *configReader) include(s setting, depth int) {
	for _, pattern := range s.args {
		pattern = expandHome(pattern)
		if !filepath.IsAbs(pattern) {
			pattern = filepath.Join(r.relative, pattern)
		}
		names, _ := filepath.Glob(pattern)
		for _, name := range names[:min(len(names), maxConfigFiles)] {
			r.file(name, s.block, depth+1)
		}
	}
}

// configWords splits a line as OpenSSH does: blanks or one "=" after the keyword, and
// quotes around arguments.
func configWords(line string) []string {
	var words []string
	rest := strings.TrimSpace(line)
	for rest != "" && rest[0] != '#' {
		var word string
		if rest[0] == '"' {
			word, rest, _ = strings.Cut(rest[1:], `"`)
		} else {
			end := strings.IndexAny(rest, " \t")
			if equals := strings.IndexByte(rest, '='); len(words) == 0 && equals >= 0 && (end < 0 || equals < end) {
				end = equals
			}
			if end < 0 {
				end = len(rest)
			}
			word, rest = rest[:end], rest[end:]
		}
		rest = strings.TrimLeft(rest, " \t")
		if len(words) == 0 {
			rest = strings.TrimLeft(strings.TrimPrefix(rest, "="), " \t")
		}
		words = append(words, word)
	}
	return words
}

// expandHome replaces a leading "~/".
func expandHome(path string) string {
	rest, found := strings.CutPrefix(path, "~/")
	if !found {
		return path
	}
	home, err := os.UserHomeDir()
	if err != nil {
		return path
	}
	return filepath.Join(home, rest)
}
