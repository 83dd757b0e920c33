package agent

import (
	"context"
	"fmt"
	"slices"
	"sync"

	"github.com/keybroker/keybroker/keys"
	"github.com/keybroker/keybroker/problem"
	"golang.org/x/crypto/ssh"
)

// maxHostNames bounds the names of one host, all of which rules match. Further names
// make the host's names uncertain. A prompt shows three.
const maxHostNames = 1024

// KnownHosts finds the names of a host key in known_hosts files (sshd(8), "SSH
// KNOWN_HOSTS FILE FORMAT"). It reads a file again when it has changed.
type KnownHosts struct {
	paths []string

	mu    sync.Mutex // guards files
	files map[string]*hostsFile
}

// candidates are names to try against hashes and patterns. A fitting hash proves the
// name. A fitting pattern proves nothing, so only names that are meant for this host
// are tried against patterns.
type candidates struct {
	meant   func() []string // names on the client's command line, through ssh_config
	hashed  func() []string // those and other likely names, tried as written
	anyPort func() []string // names in rules and sockets, tried with every port
}

// NewKnownHosts reads these files, in this order. A missing file has no names.
func NewKnownHosts(paths ...string) *KnownHosts {
	return &KnownHosts{paths: paths, files: make(map[string]*hostsFile)}
}

// addTo adds what the files say about a key to the host that has it.
func (k *KnownHosts) addTo(ctx context.Context, host *keys.Host, key ssh.PublicKey, try candidates) {
	blob := key.Marshal()
	for _, path := range k.paths {
		file := k.read(path)
		host.Cut = host.Cut || file.incomplete
		known := file.known(blob)
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

// Problems names the files that are not known as a whole: rules cannot be sure of any host.
func (k *KnownHosts) Problems() (list []error) {
	for _, path := range k.paths {
		if k.read(path).incomplete {
			list = append(list, problem.With(fmt.Errorf("%s is not known as a whole: it is longer than %d MiB or cannot be read, so a rule for a host refuses where it cannot be sure", path, MaxKnownHosts>>20),
				"make it shorter and readable: ls -l %s", path))
		}
	}
	return list
}

// matchingNames returns the names that match a line of patterns.
func matchingNames(line string, names []string) (list []string) {
	for _, name := range names {
		if lineMatches(line, name) {
			list = append(list, name)
		}
	}
	return list
}

// revokedAt returns the position of the line that revokes a key, or "".
func (k *KnownHosts) revokedAt(key ssh.PublicKey) string {
	for _, path := range k.paths {
		if known := k.read(path).known(key.Marshal()); known != nil && known.revoked != "" {
			return known.revoked
		}
	}
	return ""
}

// authority returns the hosts of each "@cert-authority" line of a key.
func (k *KnownHosts) authority(key ssh.PublicKey) (lines []string) {
	for _, path := range k.paths {
		if known := k.read(path).known(key.Marshal()); known != nil {
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
