package main

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"slices"

	"github.com/keybroker/keybroker/agent/audit"
	"github.com/keybroker/keybroker/agent/control"
)

// absence is why no broker answers, and what helps. It counts as not running for
// whoever looks at the exit code.
type absence struct{ what, remedy string }

func (a absence) Error() string { return a.what + "\n" + a.remedy }

func (a absence) Unwrap() error { return control.ErrNotRunning }

// whyAbsent knows of a broker that runs and cannot be reached: its sockets were
// removed, with their directory or without. It makes them anew by itself where it
// can. It is found by the audit log, which one broker at a time writes to.
func (a *app) whyAbsent() error {
	if pid, held := audit.Holder(a.config.AuditDir()); held {
		return absence{
			fmt.Sprintf("the broker runs, as process %d, but does not answer at %s: was that removed?", pid, a.config.Paths.ControlSocket),
			"it makes it anew within seconds: try again; if that does not help: " + startAgain(pid),
		}
	}
	if systemdStarts(a.config.Paths.AgentSocket) {
		return absence{"the broker is not running; systemd starts it", "start it: " + startUnit}
	}
	return nil
}

// mayStart refuses a second broker, and names the first one.
func (a *app) mayStart() error {
	if pid, held := audit.Holder(a.config.AuditDir()); held {
		return fmt.Errorf("the broker runs already, as process %d\nsee: keybroker status; to start it anew: %s", pid, startAgain(pid))
	}
	return nil
}

// lostSockets are those that were removed and are not there again yet. One that
// systemd has made is not the broker's to make anew.
func (d *daemon) lostSockets() (list []error) {
	for _, name := range slices.Sorted(maps.Keys(d.listeners)) {
		at := d.listeners[name].Addr()
		if at.Network() != "unix" {
			continue
		}
		if _, err := os.Lstat(at.String()); errors.Is(err, fs.ErrNotExist) {
			list = append(list, fmt.Errorf("the socket %s was removed\nthe broker makes it anew within seconds; where systemd made it: systemctl --user restart keybroker.socket", at))
		}
	}
	return list
}
