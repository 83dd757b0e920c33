package agent

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/keybroker/keybroker/agent/keys"
	"golang.org/x/crypto/ssh"
)

const (
	// maxKnownHosts bounds what is read of one file; the largest seen in use
	// hold some thousand lines of about 400 bytes. What is beyond makes the names
	// of every host uncertain.
	maxKnownHosts = 8 << 20
	// maxHostNames bounds the names of one host, all of which rules match. What is
	// beyond makes them uncertain. A prompt shows three.
	maxHostNames = 1024
)

// KnownHosts finds the names of a host key in known_hosts files (sshd(8), "SSH
// KNOWN_HOSTS FILE FORMAT"). It reads a file again when it has changed.
type KnownHosts struct {
	paths []string

	mu    sync.Mutex // guards files
	files map[string]*hostsFile
}

// hostsFile is never changed once it was parsed, but for what hashes finds.
type hostsFile struct {
	size     int64
	modified time.Time
	cut      bool // not all of it could be read

	keys   map[string]*knownKey // by the key's blob
	hashes hashes
}

// knownKey is what the lines of one file say of a key.
type knownKey struct {
	names, hashed []string
	patterns      []string // of one line each, as it stands there
	revoked       string   // "path:line" of the last @revoked

	authority []string // the hosts of each line @cert-authority
}

// candidates are names to try against what cannot be read. A hash that fits is
// proof; a pattern is none, so it takes only what was meant for this host.
type candidates struct {
	meant   func() []string // by the caller's command line and ssh_config
	hashed  func() []string // those and others, as they are
	anyPort func() []string // what rules and sockets name
}

// NewKnownHosts looks names up in these files, in this order. A file that is
// missing has no names.
func NewKnownHosts(paths ...string) *KnownHosts {
	return &KnownHosts{paths: paths, files: make(map[string]*hostsFile)}
}

// addTo adds what the files say of a key to a host that has it.
func (k *KnownHosts) addTo(ctx context.Context, host *keys.Host, key ssh.PublicKey, try candidates) {
	blob := string(key.Marshal())
	for _, path := range k.paths {
		file := k.read(path)
		host.Cut = host.Cut || file.cut
		known := file.keys[blob]
		if known == nil {
			continue
		}
		if known.revoked != "" {
			host.Revoked = known.revoked
		}
		addNames(host, known.names...)
		if len(known.hashed) > 0 {
			file.hashes.addTo(ctx, host, known.hashed, try)
		}
		for _, line := range known.patterns {
			addPattern(host, line)
			addNames(host, matching(line, try.meant())...)
		}
	}
}

// matching are the names that a line of patterns is for.
func matching(line string, names []string) (list []string) {
	for _, name := range names {
		if isFor(line, name) {
			list = append(list, name)
		}
	}
	return list
}

// revokedAt is the place of the line that revokes a key, or "".
func (k *KnownHosts) revokedAt(key ssh.PublicKey) string {
	for _, path := range k.paths {
		if known := k.read(path).keys[string(key.Marshal())]; known != nil && known.revoked != "" {
			return known.revoked
		}
	}
	return ""
}

// authority are the hosts of each line "@cert-authority" of a key.
func (k *KnownHosts) authority(key ssh.PublicKey) (lines []string) {
	for _, path := range k.paths {
		if known := k.read(path).keys[string(key.Marshal())]; known != nil {
			lines = append(lines, known.authority...)
		}
	}
	return lines
}

func addNames(host *keys.Host, names ...string) {
	for _, name := range names {
		switch {
		case slices.Contains(host.Names, name):
		case len(host.Names) >= maxHostNames:
			host.Cut = true
			return
		default:
			host.Names = append(host.Names, name)
		}
	}
}

func addPattern(host *keys.Host, line string) {
	switch {
	case slices.Contains(host.Patterns, line):
	case len(host.Patterns) >= maxHostNames:
		host.Cut = true
	default:
		host.Patterns = append(host.Patterns, line)
	}
}

// read never returns nil.
func (k *KnownHosts) read(path string) *hostsFile {
	info, err := os.Stat(path)
	if err != nil {
		return &hostsFile{cut: !errors.Is(err, fs.ErrNotExist)}
	}
	if !info.Mode().IsRegular() { // /dev/null has no names
		return &hostsFile{}
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	file := k.files[path]
	if file == nil || file.size != info.Size() || !file.modified.Equal(info.ModTime()) {
		file = &hostsFile{size: info.Size(), modified: info.ModTime(), keys: map[string]*knownKey{}}
		file.parse(path)
		k.files[path] = file
	}
	return file
}

func (file *hostsFile) parse(path string) {
	f, err := os.Open(path)
	if err != nil {
		file.cut = true
		return
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, maxKnownHosts+1))
	file.cut = err != nil || len(text) > maxKnownHosts
	number := 0
	for line := range bytes.Lines(text) {
		number++
		marker, hosts, key, _, _, err := ssh.ParseKnownHosts(line)
		if err == nil {
			file.known(key).add(marker, hosts, fmt.Sprintf("%s:%d", path, number))
		}
	}
}

func (file *hostsFile) known(key ssh.PublicKey) *knownKey {
	blob := string(key.Marshal())
	if file.keys[blob] == nil {
		file.keys[blob] = new(knownKey)
	}
	return file.keys[blob]
}

func (known *knownKey) add(marker string, hosts []string, place string) {
	line := strings.Join(hosts, ",")
	switch {
	case marker == "revoked":
		known.revoked = place
	case marker == "cert-authority":
		known.authority = append(known.authority, line)
	case marker != "":
	case strings.ContainsAny(line, "*?!"):
		known.patterns = append(known.patterns, line)
	default:
		for _, name := range hosts {
			if strings.HasPrefix(name, hashMagic) {
				known.hashed = append(known.hashed, name)
			} else {
				known.names = append(known.names, name)
			}
		}
	}
}

// isFor matches a name with the patterns of one line, as sshd(8) has it: one that
// is negated and matches makes the line count for nothing.
func isFor(line, name string) (matches bool) {
	for pattern := range strings.SplitSeq(line, ",") {
		plain, negated := strings.CutPrefix(pattern, "!")
		switch {
		case strings.HasPrefix(pattern, hashMagic):
			matches = matches || isHashOf(pattern, name)
		case !keys.MatchPattern(strings.ToLower(name), strings.ToLower(plain)):
		case negated:
			return false
		default:
			matches = true
		}
	}
	return matches
}
