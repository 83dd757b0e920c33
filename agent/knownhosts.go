package agent

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha1"
	"encoding/base64"
	"io"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/crypto/ssh"
)

const (
	// maxKnownHosts bounds what is read of one file; the largest seen in use
	// hold some thousand lines of about 400 bytes.
	maxKnownHosts = 8 << 20
	// maxHostNames bounds the names that are kept for one host key.
	maxHostNames = 8
)

// KnownHosts finds the names of a host key in known_hosts files (sshd(8), "SSH
// KNOWN_HOSTS FILE FORMAT"). It reads a file again when it has changed.
type KnownHosts struct {
	paths []string

	mu    sync.Mutex // guards files
	files map[string]*hostsFile
}

type hostsFile struct {
	size     int64
	modified time.Time
	names    map[string][]string // by host key blob

	authorities map[string][][]string // by key blob, the patterns of each line
}

// NewKnownHosts looks names up in these files, in this order. A file that is
// missing or cannot be read has no names.
func NewKnownHosts(paths ...string) *KnownHosts {
	return &KnownHosts{paths: paths, files: make(map[string]*hostsFile)}
}

// Names returns the names of the host that holds this key. Hashed entries are
// tried with the candidates; patterns are left out, since they name no host.
func (k *KnownHosts) Names(hostKey []byte, candidates []string) []string {
	var found []string
	for _, path := range k.paths {
		for _, entry := range k.read(path).names[string(hostKey)] {
			name := entry
			if strings.HasPrefix(entry, "|1|") {
				name = unhash(entry, candidates)
			}
			if name != "" {
				found = appendName(found, name)
			}
		}
	}
	return found
}

// read never returns nil.
func (k *KnownHosts) read(path string) *hostsFile {
	info, err := os.Stat(path)
	if err != nil || !info.Mode().IsRegular() {
		return &hostsFile{}
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	file := k.files[path]
	if file == nil || file.size != info.Size() || !file.modified.Equal(info.ModTime()) {
		file = &hostsFile{size: info.Size(), modified: info.ModTime(), names: map[string][]string{}, authorities: map[string][][]string{}}
		file.parse(path)
		k.files[path] = file
	}
	return file
}

func (file *hostsFile) parse(path string) {
	f, err := os.Open(path)
	if err != nil {
		return
	}
	defer f.Close()
	rest, _ := io.ReadAll(io.LimitReader(f, maxKnownHosts))
	for line := range bytes.Lines(rest) {
		marker, hosts, key, _, _, err := ssh.ParseKnownHosts(line)
		if err != nil {
			continue
		}
		blob := string(key.Marshal())
		switch marker { // a revoked key has no name
		case "":
			file.names[blob] = append(file.names[blob], slices.DeleteFunc(hosts, func(host string) bool { return strings.ContainsAny(host, "*?!") })...)
		case "cert-authority":
			file.authorities[blob] = append(file.authorities[blob], hosts)
		}
	}
}

// unhash returns the candidate that a hashed entry |1|salt|HMAC-SHA1 stands for, or "".
func unhash(entry string, candidates []string) string {
	fields := strings.Split(entry, "|")
	if len(fields) != 4 {
		return ""
	}
	salt, err := base64.StdEncoding.DecodeString(fields[2])
	if err != nil {
		return ""
	}
	for _, name := range candidates {
		mac := hmac.New(sha1.New, salt)
		mac.Write([]byte(name))
		if base64.StdEncoding.EncodeToString(mac.Sum(nil)) == fields[3] {
			return name
		}
	}
	return ""
}
