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

// orphan is a broker that runs and cannot be reached: its sockets were removed,
// with their directory or without. It makes them anew by itself where it can.
type orphan struct {
	pid    int
	socket string
}

func (o orphan) Error() string {
	return fmt.Sprintf("the broker runs, as process %d, but does not answer at %s: was that removed?\n"+
		"it makes it anew within seconds: try again; if that does not help: kill %d; keybroker daemon", o.pid, o.socket, o.pid)
}

// Unwrap makes it count as not running for whoever looks at the exit code.
func (o orphan) Unwrap() error { return control.ErrNotRunning }

// findOrphan goes by the audit log, which one broker at a time writes to.
func (a *app) findOrphan() error {
	if pid, held := audit.Holder(a.auditDir()); held {
		return orphan{pid, a.config.paths.ControlSocket}
	}
	return nil
}

// mayStart refuses a second broker, and names the first one.
func (a *app) mayStart() error {
	if pid, held := audit.Holder(a.auditDir()); held {
		return fmt.Errorf("the broker runs already, as process %d\nsee: keybroker status; to start it anew: kill %d; keybroker daemon", pid, pid)
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
