package agent

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"
	"time"

	"github.com/keybroker/keybroker/keys"
	"github.com/keybroker/keybroker/keys/publickey"
	"github.com/keybroker/keybroker/platform"
	"golang.org/x/crypto/ssh"
)

// maxKnownHosts bounds what is read of one file. The largest in use have a few
// thousand lines of about 400 bytes. A longer file makes the names of every host
// uncertain.
const maxKnownHosts = 8 << 20

// hostsFile does not change after parsing, except for the results in hashes.
type hostsFile struct {
	size       int64
	modified   time.Time
	incomplete bool // it could not be read completely

	keys   map[string]*knownKey // by the key's blob
	hashes hashes
}

// knownKey is what the lines of one file say about a key.
type knownKey struct {
	names, hashed []string
	patterns      []string // one line each, as written
	revoked       string   // "path:line" of the last @revoked

	authority []string // the hosts of each @cert-authority line
}

// read never returns nil.
func (k *KnownHosts) read(path string) *hostsFile {
	info, err := os.Stat(path)
	if err != nil {
		return &hostsFile{incomplete: !errors.Is(err, fs.ErrNotExist)}
	}
	if null, err := os.Stat(os.DevNull); err == nil && os.SameFile(info, null) {
		return &hostsFile{} // means no file
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	file := k.files[path]
	if file == nil || file.size != info.Size() || !file.modified.Equal(info.ModTime()) {
		file = parseHosts(path)
		k.files[path] = file
	}
	return file
}

// parseHosts must not block, because others wait for it: it opens only regular files.
func parseHosts(path string) *hostsFile {
	file := &hostsFile{keys: map[string]*knownKey{}}
	f, info, err := platform.OpenRegular(path)
	if err != nil {
		file.incomplete = true
		return file
	}
	defer f.Close()
	file.size, file.modified = info.Size(), info.ModTime()
	text, err := io.ReadAll(io.LimitReader(f, maxKnownHosts+1))
	file.incomplete = err != nil || len(text) > maxKnownHosts
	number := 0
	for line := range bytes.Lines(text) {
		number++
		marker, hosts, key, err := publickey.ParseHostLine(line)
		if err == nil {
			file.known(key).add(marker, hosts, fmt.Sprintf("%s:%d", path, number))
		}
	}
	return file
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

// openSSHHost is how OpenSSH matches host names with patterns.
const openSSHHost = keys.FoldCase | keys.SingleBytes

// lineMatches reports whether a line's patterns match a name, as in sshd(8): if a
// negated pattern matches, the line does not.
func lineMatches(line, name string) (matches bool) {
	for pattern := range strings.SplitSeq(line, ",") {
		plain, negated := strings.CutPrefix(pattern, "!")
		switch {
		case strings.HasPrefix(pattern, hashMagic):
			matches = matches || isHashOf(pattern, name)
		case !keys.NewPattern(plain, openSSHHost).Match(name):
		case negated:
			return false
		default:
			matches = true
		}
	}
	return matches
}
