package agent

import (
	"os"
	"path/filepath"
	"strings"

	"github.com/keybroker/keybroker/platform"
)

const (
	// maxConfigBytes and maxConfigFiles bound what is read of ssh_config and the
	// files that it includes, together.
	maxConfigBytes = 1 << 20
	maxConfigFiles = 64
	// maxConfigDepth is how deep files include others: OpenSSH's limit.
	maxConfigDepth = 16
)

// SSHConfig finds what a host's name on a command line stands for in files of
// ssh_config(5). What it finds is only tried against known_hosts, so it is
// generous: a block whose Match cannot be judged here (exec is never run) may
// apply.
type SSHConfig struct{ files []ConfigFile }

// ConfigFile is one file, and the directory where its relative Include lies.
type ConfigFile struct{ Path, Dir string }

// NewSSHConfig reads these files, in this order, each time that it is asked.
func NewSSHConfig(files ...ConfigFile) *SSHConfig { return &SSHConfig{files} }

// meant is what may be meant by a host's name.
type meant struct{ names, ports, aliases []string }

// lookUp works on nil, too.
func (c *SSHConfig) lookUp(host string) meant {
	if c == nil {
		return meant{}
	}
	r := configReader{host: host, left: maxConfigBytes, files: maxConfigFiles}
	for _, file := range c.files {
		r.read(file.Path, file.Dir, 0, yes)
	}
	return r.meant
}

type configReader struct {
	host        string
	left, files int // budgets
	meant
	decided map[string]bool // keywords of which ssh takes no further value
}

// read passes over what cannot be read: ssh will complain.
func (r *configReader) read(path, dir string, depth int, outer applies) {
	text, ok := r.readText(path, depth)
	if !ok {
		return
	}
	state := outer
	for line := range strings.Lines(text) {
		keyword, words := configWords(line)
		switch keyword {
		case "":
		case "host":
			state = min(outer, r.matchHost(words))
		case "match":
			state = min(outer, r.match(words))
		case "include":
			r.include(words, dir, depth, state)
		default:
			r.keepValue(keyword, words, state)
		}
	}
}

// readText reads only what is a plain file: a pipe would never end.
func (r *configReader) readText(path string, depth int) (string, bool) {
	if depth > maxConfigDepth || r.files == 0 {
		return "", false
	}
	text, err := platform.ReadRegular(path, int64(r.left))
	if err != nil {
		return "", false
	}
	r.left -= len(text)
	r.files--
	return string(text), true
}

func (r *configReader) include(words []string, dir string, depth int, state applies) {
	if state == no || r.files == 0 {
		return
	}
	for _, word := range words {
		if rest, home := strings.CutPrefix(word, "~/"); home {
			if own, err := os.UserHomeDir(); err == nil {
				word = filepath.Join(own, rest)
			}
		}
		if !filepath.IsAbs(word) {
			word = filepath.Join(dir, word)
		}
		paths, _ := filepath.Glob(word)
		for _, path := range paths {
			r.read(path, dir, depth+1, state)
		}
	}
}

// keepValue keeps a value. ssh takes the first one; after one that may not apply the
// next may be the first.
func (r *configReader) keepValue(keyword string, words []string, state applies) {
	list := map[string]*[]string{"hostname": &r.names, "port": &r.ports, "hostkeyalias": &r.aliases}[keyword]
	if list == nil || len(words) == 0 || state == no || r.decided[keyword] {
		return
	}
	*list = append(*list, strings.NewReplacer("%h", r.host, "%%", "%").Replace(words[0]))
	if state == yes {
		if r.decided == nil {
			r.decided = map[string]bool{}
		}
		r.decided[keyword] = true
	}
}
