package inventory

import (
	"bytes"
	"fmt"
	"strings"

	"github.com/keybroker/keybroker/keys"
	"github.com/keybroker/keybroker/keys/publickey"
	"github.com/keybroker/keybroker/lifecycle"
	"github.com/keybroker/keybroker/platform"
	"golang.org/x/crypto/ssh"
)

// maxKnownHosts bounds a known_hosts file: 100,000 hosts with three keys each.
const maxKnownHosts = 64 << 20

// knownHost is one line of known_hosts (sshd(8), "SSH_KNOWN_HOSTS FILE FORMAT").
type knownHost struct {
	line   int    // from 1
	marker string // "revoked", "cert-authority", or ""
	names  []string
	key    ssh.PublicKey // nil: not readable
}

// hashed reports whether the line hides its name.
func (k knownHost) hashed() bool { return len(k.names) > 0 && strings.HasPrefix(k.names[0], "|") }

func readKnownHosts(content []byte) []knownHost {
	var list []knownHost
	line := 0
	for text := range bytes.Lines(content) {
		line++
		text = publickey.Trim(text)
		if len(text) == 0 || text[0] == '#' {
			continue
		}
		marker, names, key, err := publickey.ParseHostLine(text)
		if err != nil {
			list = append(list, knownHost{line: line})
			continue
		}
		list = append(list, knownHost{line, marker, names, key})
	}
	return list
}

// knownHosts looks for what is wrong in known_hosts (row 20).
func (m *machine) knownHosts(path string) {
	m.checkWritable(path, "list of known hosts")
	content, _, err := readFile(path, maxKnownHosts)
	if err != nil {
		m.missingIsFine(path, err)
		return
	}
	report := func(kind string, severity lifecycle.Severity, line int, what, remedy string) {
		m.finding(lifecycle.Finding{Kind: kind, Row: 20, Severity: severity, Path: path, What: fmt.Sprintf("line %d: %s", line, what), Remedy: remedy})
	}
	seen := map[string]knownHost{} // by name and type of the key
	unreadable := 0
	for _, k := range readKnownHosts(content) {
		if k.key == nil {
			unreadable++
			continue
		}
		if k.marker == "revoked" {
			continue
		}
		if why, severity := weakness(k.key); severity == lifecycle.Serious {
			report("weak-host-key", lifecycle.Warning, k.line, hostNames(k)+" has "+why, removeKnownHost(path, k))
		}
		if k.marker != "" || k.hashed() {
			continue
		}
		for _, name := range k.names {
			id := name + " " + k.key.Type()
			first, again := seen[id]
			if !again {
				seen[id] = k
				continue
			}
			if !bytes.Equal(first.key.Marshal(), k.key.Marshal()) {
				report("two-host-keys", lifecycle.Warning, k.line, fmt.Sprintf("%s has another %s key than in line %d, and either is accepted", name, k.key.Type(), first.line), removeKnownHost(path, k))
			}
		}
	}
	if unreadable > 0 {
		m.unseen(lifecycle.Unseen{What: path, Why: keys.Counted(unreadable, "line") + " cannot be read"})
	}
}

func hostNames(k knownHost) string {
	if k.hashed() {
		return "a host with a hashed name"
	}
	return strings.Join(k.names, ",")
}

func removeKnownHost(path string, k knownHost) string {
	if k.hashed() {
		return fmt.Sprintf("remove line %d of %s, and log in again", k.line, path)
	}
	return fmt.Sprintf("ssh-keygen -R %s -f %s, and log in again", platform.ShellWord(k.names[0]), platform.ShellWord(path))
}
