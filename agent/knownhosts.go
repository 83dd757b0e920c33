package agent

import (
	"context"
	"slices"
	"sync"

	"github.com/keybroker/keybroker/keys"
	"golang.org/x/crypto/ssh"
)

// maxHostNames bounds the names of one host, all of which rules match. What is
// beyond makes them uncertain. A prompt shows three.
const maxHostNames = 1024

// KnownHosts finds the names of a host key in known_hosts files (sshd(8), "SSH
// KNOWN_HOSTS FILE FORMAT"). It reads a file again when it has changed.
type KnownHosts struct {
	paths []string

	mu    sync.Mutex // guards files
	files map[string]*hostsFile
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
	blob := key.Marshal()
	for _, path := range k.paths {
		file := k.read(path)
		host.Cut = host.Cut || file.incomplete
		known := file.keys[string(blob)]
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
			addNames(host, matchingNames(line, try.meant())...)
		}
	}
}

// matchingNames are the names that a line of patterns is for.
func matchingNames(line string, names []string) (list []string) {
	for _, name := range names {
		if lineMatches(line, name) {
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
