package inventory

import (
	"bytes"
	"fmt"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/keybroker/keybroker/agent/audit"
	"github.com/keybroker/keybroker/keys"
	"github.com/keybroker/keybroker/keys/ascii"
	"github.com/keybroker/keybroker/problem"
	"github.com/keybroker/keybroker/wire"
)

// maxTargets bounds the hosts of one list, ranges of names expanded.
const maxTargets = 100_000

// maxHostsFile bounds a file with hosts.
const maxHostsFile = 64 << 20

// ReadTargets reads hosts from a file: one name a line, an inventory of ansible (INI,
// YAML, or the JSON of ansible-inventory --list), the Host lines of an ssh_config, or a
// known_hosts. A target is what ssh takes: "web1", "anna@web1", "ssh://anna@web1:2222".
func ReadTargets(path string) ([]string, error) {
	content, _, err := readFile(path, maxHostsFile)
	if err != nil {
		return nil, err
	}
	var targets []string
	switch extension := strings.ToLower(filepath.Ext(path)); {
	case strings.HasPrefix(filepath.Base(path), "known_hosts"):
		targets, err = knownTargets(content)
	case extension == ".yml", extension == ".yaml", extension == ".json", bytes.HasPrefix(bytes.TrimSpace(content), []byte("{")):
		targets, err = ansibleYAML(content)
	case hasHostLines(content):
		targets = hostLines(path)
	default:
		targets, err = ansibleINI(content)
	}
	if err == nil {
		targets, err = CheckTargets(targets)
	}
	if err == nil && len(targets) == 0 {
		err = problem.New("it names no host", "write one name of a host in each line, or give an inventory of ansible")
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return targets, nil
}

// CheckTargets removes repetitions. What ssh would take for an option is an error.
func CheckTargets(list []string) ([]string, error) {
	seen := map[string]bool{}
	var targets []string
	for _, target := range list {
		if strings.HasPrefix(target, "-") || strings.HasPrefix(target[strings.LastIndexByte(target, '@')+1:], "-") {
			return nil, fmt.Errorf("%.60q is not the name of a host", target)
		}
		if !seen[target] {
			seen[target] = true
			targets = append(targets, target)
		}
	}
	if len(targets) > maxTargets {
		return nil, fmt.Errorf("there are more than %d hosts", maxTargets)
	}
	return targets, nil
}

// target joins the parts of a target in the form that ssh takes.
func target(account, host string, port int) string {
	if account != "" {
		account += "@"
	}
	switch {
	case port == 0 || port == 22:
		return account + host
	case strings.Contains(host, ":"):
		host = "[" + host + "]"
	}
	return "ssh://" + account + host + ":" + strconv.Itoa(port)
}

// knownTargets are the hosts of a known_hosts whose names can be read. The first name
// of each line counts: the others are the same host.
func knownTargets(content []byte) ([]string, error) {
	var targets []string
	hashed := 0
	for _, k := range readKnownHosts(content) {
		switch {
		case k.key == nil || k.marker != "" || len(k.names) == 0:
		case k.hashed():
			hashed++
		case !strings.ContainsAny(k.names[0], "*?!"):
			name, port, _ := keys.SplitPort(k.names[0])
			number, _ := strconv.Atoi(port)
			targets = append(targets, target("", name, number))
		}
	}
	if len(targets) == 0 && hashed > 0 {
		return nil, problem.New(fmt.Sprintf("all %d names are hashed", hashed), "give a list of names: --hosts-from FILE, or --hosts-from log for the hosts of the audit log")
	}
	return targets, nil
}

// LogTargets are the proved hosts of the logins in the broker's audit log, by the name
// that was typed, with the account.
func LogTargets(dir string) ([]string, error) {
	seen := map[string]bool{}
	for r, err := range audit.Read(dir, audit.Filter{Ops: []keys.Op{keys.OpSign}, Decision: audit.Allowed}) {
		if err != nil || r.Destination == nil || !r.Destination.Trust.Proved() || r.Purpose == nil || r.Purpose.Kind != wire.KindLogin || audit.ByInventory(r.Peer) {
			continue
		}
		name := r.Destination.Typed
		if name == "" || r.Destination.OtherName {
			name = r.Destination.Name()
		}
		host, port, _ := keys.SplitPort(name)
		number, _ := strconv.Atoi(port)
		if !strings.HasPrefix(host, "SHA256:") {
			seen[target(r.Purpose.User, host, number)] = true
		}
	}
	var targets []string
	for name := range seen {
		targets = append(targets, name)
	}
	slices.Sort(targets)
	if len(targets) == 0 {
		return nil, problem.New("the audit log names no proved host", "log in to one, or give a list: --hosts-from FILE")
	}
	return CheckTargets(targets)
}

func hasHostLines(content []byte) bool {
	for line := range bytes.Lines(content) {
		if words := configWords(string(line)); len(words) > 0 {
			return ascii.EqualFold(words[0], "host") && len(words) > 1 || ascii.EqualFold(words[0], "include")
		}
	}
	return false
}

// hostLines are the names of the Host lines of an ssh_config, without patterns.
func hostLines(path string) []string {
	var targets []string
	for _, s := range readSSHConfig(path, filepath.Dir(path), func(string, error) {}) {
		if s.name != "host" {
			continue
		}
		for _, name := range s.args {
			if !strings.ContainsAny(name, "*?!") {
				targets = append(targets, name)
			}
		}
	}
	return targets
}
