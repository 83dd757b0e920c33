package collect

import (
	"fmt"
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/keybroker/keybroker/lifecycle/authorized"
	"github.com/keybroker/keybroker/platform"
)

// account is one line of passwd(5).
type account struct {
	name, home string
	uid, gid   int
}

// accounts are all that the machine knows, those without a shell too: sshd forwards
// ports for them.
func (c *collecting) accounts() ([]account, error) {
	out, err := platform.Command(c.ctx, c.Options.Accounts[0], c.Options.Accounts[1:]...).Output()
	if err != nil {
		return nil, fmt.Errorf("the accounts of this machine cannot be listed: %w", err)
	}
	var list []account
	for line := range strings.Lines(string(out)) {
		fields := strings.Split(strings.TrimSpace(line), ":")
		if len(fields) != 7 || slices.ContainsFunc(list, func(a account) bool { return a.name == fields[0] }) {
			continue
		}
		uid, badUID := strconv.Atoi(fields[2])
		gid, badGID := strconv.Atoi(fields[3])
		if badUID == nil && badGID == nil && path.IsAbs(fields[5]) && !strings.ContainsAny(fields[0], ",=") { // these would be another connection for sshd -C
			list = append(list, account{name: fields[0], home: fields[5], uid: uid, gid: gid})
		}
	}
	return list, nil
}

// paths are what AuthorizedKeysFile stands for, and the entries with a token that is
// not known here.
func (a account) paths(setting string) (paths, unknown []string) {
	tokens := strings.NewReplacer("%%", "%", "%h", a.home, "%u", a.name, "%U", strconv.Itoa(a.uid))
	for _, entry := range strings.Fields(setting) {
		if entry == "none" {
			continue
		}
		if rest := strings.NewReplacer("%%", "", "%h", "", "%u", "", "%U", "").Replace(entry); strings.Contains(rest, "%") {
			unknown = append(unknown, entry)
			continue
		}
		expanded := tokens.Replace(entry)
		if !path.IsAbs(expanded) {
			expanded = path.Join(a.home, expanded)
		}
		paths = append(paths, path.Clean(expanded))
	}
	return paths, unknown
}

// globs reports whether sshd takes an entry of AuthorizedKeysFile for a pattern.
func globs(version authorized.Version, entry string) bool {
	return version.AtLeast(10, 0) && strings.ContainsAny(entry, "*?[")
}
