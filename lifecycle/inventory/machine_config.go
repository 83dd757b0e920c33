package inventory

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/user"
	"path/filepath"
	"strings"

	"github.com/keybroker/keybroker/keys/ascii"
	"github.com/keybroker/keybroker/lifecycle"
)

// sshConfig reads the user's ssh_config: the key files that it names, and settings
// that give protection away.
func (m *machine) sshConfig(ctx context.Context, path string) {
	m.checkWritable(path, "configuration")
	for _, s := range readSSHConfig(path, filepath.Dir(path), m.missingIsFine) {
		if len(s.args) == 0 {
			continue
		}
		switch s.name {
		case "identityfile":
			m.identityFile(ctx, s)
		case "forwardagent", "stricthostkeychecking", "userknownhostsfile":
			m.checkSetting(s)
		}
	}
}

func (m *machine) missingIsFine(path string, err error) { m.isMissing(path, err) }

// isMissing reports whether a file is not there; any other failure is noted.
func (m *machine) isMissing(path string, err error) bool {
	if errors.Is(err, fs.ErrNotExist) {
		return true
	}
	m.notRead(path, err)
	return false
}

// identityFile reads a key file that ssh_config names. ssh expands tokens in the name;
// those that depend on the host are left out.
func (m *machine) identityFile(ctx context.Context, s setting) {
	path := m.expandTokens(s.args[0])
	switch {
	case ascii.EqualFold(path, "none"):
		return
	case strings.ContainsAny(path, "%$"):
		m.unseen(lifecycle.Unseen{What: path, Why: fmt.Sprintf("%s:%d names a different file for each host", s.file, s.line)})
		return
	case !filepath.IsAbs(path):
		return // it depends on the directory that ssh is started in
	}
	for _, name := range []string{path, path + ".pub"} {
		if exists(name) {
			m.file(ctx, name)
			return
		}
	}
}

// expandTokens replaces the tokens of ssh_config(5) that are the same for every host.
func (m *machine) expandTokens(path string) string {
	name := "%u"
	if me, err := user.Current(); err == nil {
		name = me.Username
	}
	path = strings.NewReplacer("%%", "%", "%d", m.home, "%u", name, "${HOME}", m.home).Replace(path)
	if rest, found := strings.CutPrefix(path, "~/"); found {
		path = filepath.Join(m.home, rest)
	}
	return path
}

// checkSetting reports a setting that gives protection away (row 21, row 19).
func (m *machine) checkSetting(s setting) {
	value := ascii.Lower(s.args[0])
	f := lifecycle.Finding{Row: 21, Severity: lifecycle.Warning, Path: s.file}
	scope := "every host"
	if !s.everyHost() {
		scope, f.Severity = s.block, lifecycle.Info
	}
	switch {
	case s.name == "forwardagent" && value != "no":
		f.Kind, f.What = "agent-forwarding", "the agent is forwarded: root there can ask for signatures while you are logged in"
		f.Remedy = "use ProxyJump instead of ForwardAgent; or give keybroker a rule with forwarded = true and action = \"ask\""
	case s.name == "stricthostkeychecking" && (value == "no" || value == "off"):
		f.Kind, f.What = "host-keys-not-checked", "any host key is accepted, so another host can take the place of the right one"
		f.Remedy = "set StrictHostKeyChecking to accept-new, or to ask"
	case s.name == "userknownhostsfile" && s.args[0] == os.DevNull:
		f.Kind, f.What = "host-keys-not-kept", "host keys are forgotten at once, so a change is never noticed"
		f.Remedy = "remove the line: UserKnownHostsFile " + os.DevNull
	default:
		return
	}
	f.What = fmt.Sprintf("line %d (%s): %s", s.line, scope, f.What)
	m.finding(f)
}
