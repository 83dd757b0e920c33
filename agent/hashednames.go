package agent

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha1"
	"encoding/base64"
	"strconv"
	"strings"
	"sync"

	"github.com/keybroker/keybroker/keys"
	"github.com/keybroker/keybroker/keys/ascii"
)

// A hashed name in known_hosts, "|1|salt|HMAC-SHA1", cannot be read: names can only be
// tried against it.
const (
	hashMagic = "|1|"
	maxPort   = 65535
	// maxScans bounds the names that one request tries with every port, which takes
	// about 15 ms each. Untried names make the host's names uncertain.
	maxScans = 512
	// maxScanned bounds the remembered results for one file.
	maxScanned = 100_000
)

// hashes remembers the results of trying names with every port, which takes long. The
// zero value is ready.
type hashes struct {
	mu    sync.Mutex // guards tried
	tried map[scanned]string
}

type scanned struct{ entry, name string }

// addTo adds the names of the hashed entries, and notes if some stay unknown.
func (h *hashes) addTo(ctx context.Context, host *keys.Host, entries []string, try candidates) {
	scans := 0
	for _, entry := range entries {
		name := readHash(entry, try.hashed())
		for _, candidate := range try.anyPort() {
			if name != "" {
				break
			}
			name = h.onAnyPort(ctx, host, entry, candidate, &scans)
		}
		if name == "" {
			host.Hashed = true
			continue
		}
		addNames(host, name)
	}
}

// onAnyPort returns the form of the name that the entry hashes, or "".
func (h *hashes) onAnyPort(ctx context.Context, host *keys.Host, entry, name string, scans *int) string {
	h.mu.Lock()
	found, known := h.tried[scanned{entry, name}]
	full := len(h.tried) >= maxScanned
	h.mu.Unlock()
	switch {
	case known:
		return found
	case full || *scans >= maxScans || ctx.Err() != nil:
		host.Cut = true
		return ""
	}
	*scans++
	found = scan(entry, name)
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.tried == nil {
		h.tried = map[scanned]string{}
	}
	h.tried[scanned{entry, name}] = found
	return found
}

// scan tries a name without and with every port.
func scan(entry, name string) string {
	matches := hashOf(entry)
	if matches == nil {
		return ""
	}
	for _, form := range []string{name, ascii.Lower(name)} {
		if matches([]byte(form)) {
			return form
		}
	}
	if strings.HasPrefix(name, "[") { // it has a port
		return ""
	}
	text := append([]byte("["), ascii.Lower(name)+"]:"...)
	for port := 1; port <= maxPort; port++ {
		if with := strconv.AppendInt(text, int64(port), 10); matches(with) {
			return string(with)
		}
	}
	return ""
}

// readHash returns the name that an entry hashes, or "".
func readHash(entry string, names []string) string {
	matches := hashOf(entry)
	for _, name := range names {
		if matches != nil && matches([]byte(name)) {
			return name
		}
	}
	return ""
}

func isHashOf(entry, name string) bool { return readHash(entry, []string{name}) != "" }

// hashOf returns a function that reports whether the entry hashes a name; nil if the
// entry is not a hash.
func hashOf(entry string) func(name []byte) bool {
	text, magic := strings.CutPrefix(entry, hashMagic)
	first, second, _ := strings.Cut(text, "|")
	salt, err := base64.StdEncoding.Strict().DecodeString(first)
	if !magic || err != nil || len(salt) != sha1.Size { // OpenSSH compares the text, and salts with as much as it hashes to
		return nil
	}
	want, err := base64.StdEncoding.Strict().DecodeString(second)
	if err != nil {
		return nil
	}
	mac := hmac.New(sha1.New, salt)
	sum := make([]byte, 0, sha1.Size)
	return func(name []byte) bool {
		mac.Reset()
		mac.Write(name)
		return bytes.Equal(mac.Sum(sum), want)
	}
}
