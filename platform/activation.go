package platform

import (
	"fmt"
	"net"

	"github.com/coreos/go-systemd/v22/daemon"
)

// The names of the sockets that a service manager passes (FileDescriptorName= in a
// systemd socket unit).
const (
	AgentSocketName   = "agent"
	ControlSocketName = "control"
)

// The states that Notify is called with.
const (
	NotifyReady    = daemon.SdNotifyReady
	NotifyStopping = daemon.SdNotifyStopping
)

// Activated returns the sockets that the service manager opened for this process, by
// the names above; an empty map if there are none. It unsets the variables that
// announced them, so that children do not use them. It returns an error for a socket of
// another kind or name.
func Activated() (map[string]net.Listener, error) { return activated() }

// Notify tells the service manager the daemon's state. It does nothing without a
// service manager.
func Notify(state string) error {
	if _, err := daemon.SdNotify(false, state); err != nil {
		return fmt.Errorf("notify the service manager: %w", err)
	}
	return nil
}
