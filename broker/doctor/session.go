package doctor

import (
	"context"
	"strings"

	"github.com/keybroker/keybroker/platform"
)

// inSession is a remedy that ends with the path of the agent's socket.
const inSession = "from the next login on: keybroker service install; until then: systemctl --user set-environment " + sockVariable + "="

// checkSession says which agent programs get that the desktop or systemd starts: their environment
// is the user manager's, not this shell's.
func (p *Patient) checkSession(ctx context.Context) []Check {
	out, err := platform.Command(ctx, "systemctl", "--user", "show-environment").Output()
	if err != nil { // there is no user manager
		return nil
	}
	for line := range strings.Lines(string(out)) {
		if value, ok := strings.CutPrefix(strings.TrimSpace(line), sockVariable+"="); ok {
			if value == p.Config.Paths.AgentSocket {
				return []Check{fine("session", "programs of the desktop ask the broker")}
			}
			return []Check{noted("session", "programs of the desktop ask another agent: "+platform.Escape(value, maxText),
				inSession+quoted(p.Config.Paths.AgentSocket))}
		}
	}
	return []Check{noted("session", "programs of the desktop have no "+sockVariable,
		inSession+quoted(p.Config.Paths.AgentSocket))}
}
