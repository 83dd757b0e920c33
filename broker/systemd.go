package broker

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"

	"github.com/keybroker/keybroker/platform"
)

// unit is the systemd user unit of the broker (packaging/systemd).
const unit = "keybroker.service"

// startUnit starts the unit, even after a failure. stopUnits also stops its sockets.
const (
	startUnit = "systemctl --user restart " + unit + " (if that fails: journalctl --user -eu " + unit + ")"
	stopUnits = "systemctl --user stop 'keybroker*'"
)

// StartAgain is the command that ends the broker with this process id and starts it.
func StartAgain(pid int) string {
	if InUnit(pid) {
		return "systemctl --user restart " + unit
	}
	return fmt.Sprintf("kill %d; keybroker daemon", pid)
}

// InUnit reports whether the process is in the unit's control group (cgroups(7)).
func InUnit(pid int) bool {
	groups, err := os.ReadFile(fmt.Sprintf("/proc/%d/cgroup", pid))
	return err == nil && strings.Contains(string(groups), "/"+unit+"\n")
}

// systemdStarts reports whether systemd starts the broker: the socket's unit is
// enabled, or systemd listens at the socket.
func systemdStarts(socket string) bool {
	if runtime.GOOS != "linux" {
		return false
	}
	own, _ := os.UserConfigDir()
	for _, dir := range []string{own, "/etc"} {
		if _, err := os.Lstat(filepath.Join(dir, "systemd/user/sockets.target.wants/keybroker.socket")); err == nil {
			return true
		}
	}
	conn, err := platform.Dial(context.Background(), socket)
	if err != nil {
		return false
	}
	defer conn.Close()
	listener, err := platform.PeerOf(conn) // the process at the other end
	return err == nil && listener.Name == "systemd"
}
