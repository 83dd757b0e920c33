package agent

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/keybroker/keybroker/keys"
	"github.com/keybroker/keybroker/keys/publickey"
	"github.com/keybroker/keybroker/platform"
)

// MaxKnownHosts bounds what is read of one file: 600,000 lines of ed25519 keys, or 150,000 of
// RSA keys. A longer file makes the names of every host uncertain.
const MaxKnownHosts = 64 << 20

// maxParsed bounds the keys whose lines stay parsed.
const maxParsed = 1024

// hostsFile is one file with an index of its lines by their keys. A line is parsed when its
// key is looked up: to parse 100,000 takes a third of a second, to index them a tenth of that.
type hostsFile struct {
	path       string
	size       int64
	modified   time.Time
	incomplete bool // it could not be read completely

	text   []byte
	index  lineIndex
	hashes hashes

	mu     sync.Mutex           // guards parsed
	parsed map[string]*knownKey // by the key's blob; nil: no line has it
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
		file = readHosts(path)
		k.files[path] = file
	}
	return file
}

// readHosts must not block, because others wait for it: it opens only regular files.
func readHosts(path string) *hostsFile {
	file := &hostsFile{path: path}
	f, info, err := platform.OpenRegular(path)
	if err != nil {
		file.incomplete = true
		return file
	}
	defer f.Close()
	text := bytes.NewBuffer(make([]byte, 0, min(info.Size(), MaxKnownHosts)+bytes.MinRead))
	_, err = text.ReadFrom(io.LimitReader(f, MaxKnownHosts+1))
	if err == nil { // else it is read again the next time
		file.size, file.modified = info.Size(), info.ModTime()
	}
	file.incomplete = err != nil || text.Len() > MaxKnownHosts
	file.text = text.Bytes()
	file.index = indexLines(file.text)
	return file
}

// known returns what the lines say about a key, or nil.
func (file *hostsFile) known(blob []byte) *knownKey {
	file.mu.Lock()
	defer file.mu.Unlock()
	known, ok := file.parsed[string(blob)]
	if ok {
		return known
	}
	for number, line := range file.index.lines(file.text, blob) {
		marker, hosts, key, err := publickey.ParseHostLine(line)
		if err != nil || !bytes.Equal(key.Marshal(), blob) {
			continue
		}
		if known == nil {
			known = new(knownKey)
		}
		known.add(marker, hosts, fmt.Sprintf("%s:%d", file.path, number))
	}
	if file.parsed == nil || len(file.parsed) >= maxParsed {
		file.parsed = map[string]*knownKey{}
	}
	file.parsed[string(blob)] = known
	return known
}

func (known *knownKey) add(marker string, hosts []string, place string) {
	line := strings.Join(hosts, ",")
	switch {
	case marker == "revoked":
		known.revoked = place
	case marker == "cert-authority":
		known.authority = append(known.authority, line)
	case marker != "":
	case isHashed(line):
		known.hashed = append(known.hashed, line)
	case strings.ContainsAny(line, "*?!"):
		known.patterns = append(known.patterns, line)
	default:
		known.names = append(known.names, hosts...)
	}
}

// openSSHHost is how OpenSSH matches host names with patterns.
const openSSHHost = keys.FoldASCII | keys.SingleBytes

// isHashed reports whether a line hides its name: the hash is all that it names. Within
// a list it would be a name like others.
func isHashed(line string) bool { return strings.HasPrefix(line, "|") }

// lineMatches reports whether a line's patterns match a name, as in sshd(8): if a
// negated pattern matches, the line does not.
func lineMatches(line, name string) (matches bool) {
	if isHashed(line) {
		return isHashOf(line, name)
	}
	for pattern := range strings.SplitSeq(line, ",") {
		plain, negated := strings.CutPrefix(pattern, "!")
		switch {
		case !keys.NewPattern(plain, openSSHHost).Match(name):
		case negated:
			return false
		default:
			matches = true
		}
	}
	return matches
}
