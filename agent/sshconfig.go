package agent

import (
	"os"
	"path/filepath"
	"strings"

	"github.com/keybroker/keybroker/platform"
)

const (
	// maxConfigBytes and maxConfigFiles bound ssh_config and its included files
	// together.
	maxConfigBytes = 1 << 20
	maxConfigFiles = 64
	// maxConfigDepth is how deeply includes may be nested, as in OpenSSH.
	maxConfigDepth = 16
)

// SSHConfig looks up in ssh_config(5) which host a name on a command line means. The
// results are only tried against known_hosts, so it may find too many: a Match block
// that it cannot evaluate may apply (exec is never run).
type SSHConfig struct{ files []ConfigFile }

// ConfigFile is a file, and the directory of its relative includes.
type ConfigFile struct{ Path, Dir string }

// NewSSHConfig reads these files, in this order, for every lookup.
func NewSSHConfig(files ...ConfigFile) *SSHConfig { return &SSHConfig{files} }

// meant is what a host's name may mean.
type meant struct{ names, ports, aliases []string }

// lookUp also works on nil.
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
	left, files int // what may still be read
	meant
	decided map[string]bool // keywords whose value is certain
}

// read ignores files that cannot be read: ssh will complain.
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

// readText reads only regular files: a pipe might never end.
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
		if rest, inHome := strings.CutPrefix(word, "~/"); inHome {
			if dir, err := os.UserHomeDir(); err == nil {
				word = filepath.Join(dir, rest)
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

// keepValue keeps a value. ssh uses the first one that applies; after one that only may
// apply, later ones count, too.
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
