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
)

// A hashed name "|1|salt|HMAC-SHA1" of known_hosts can only be tried.
const (
	hashMagic = "|1|"
	maxPort   = 65535
	// maxScans bounds the names that one request tries on every port: some 15 ms
	// each, once. What is left makes the host's names uncertain.
	maxScans = 512
	// maxScanned bounds what is remembered of them, for one file.
	maxScanned = 100_000
)

// hashes remembers which names were tried on every port, since that takes long.
// The zero value is ready.
type hashes struct {
	mu    sync.Mutex // guards tried
	tried map[scanned]string
}

type scanned struct{ entry, name string }

// addTo adds the names that hashed ones stand for, and says which are left.
func (h *hashes) addTo(ctx context.Context, host *keys.Host, entries []string, try candidates) {
	scans := 0
	for _, entry := range entries {
		name := readHash(entry, try.hashed())
		for _, mentioned := range try.anyPort() {
			if name != "" {
				break
			}
			name = h.onAnyPort(ctx, host, entry, mentioned, &scans)
		}
		if name == "" {
			host.Hashed = true
			continue
		}
		addNames(host, name)
	}
}

// onAnyPort is the form in which the entry has the name, or "".
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

// scan tries a name alone and with every port.
func scan(entry, name string) string {
	matches := hashOf(entry)
	if matches == nil {
		return ""
	}
	for _, form := range []string{name, strings.ToLower(name)} {
		if matches([]byte(form)) {
			return form
		}
	}
	if strings.HasPrefix(name, "[") { // it has its port
		return ""
	}
	text := append([]byte("["), strings.ToLower(name)+"]:"...)
	for port := 1; port <= maxPort; port++ {
		if with := strconv.AppendInt(text, int64(port), 10); matches(with) {
			return string(with)
		}
	}
	return ""
}

// readHash returns the name that a hashed entry stands for, or "".
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

// hashOf returns what tells whether an entry is the hash of a name; nil for
// what is no hash.
func hashOf(entry string) func(name []byte) bool {
	fields := strings.Split(entry, "|")
	if len(fields) != 4 {
		return nil
	}
	salt, err := base64.StdEncoding.DecodeString(fields[2])
	if err != nil {
		return nil
	}
	want, err := base64.StdEncoding.DecodeString(fields[3])
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
