package platform

import (
	"fmt"
	"net"

	"github.com/coreos/go-systemd/v22/daemon"
)

// The names that a service manager gives to the sockets it hands over
// (FileDescriptorName= in a systemd socket unit).
const (
	AgentSocketName   = "agent"
	ControlSocketName = "control"
)

// The states that Notify is called with.
const (
	NotifyReady    = daemon.SdNotifyReady
	NotifyStopping = daemon.SdNotifyStopping
)

// Activated returns the sockets that the service manager opened for this
// process, by the names above; the map is empty when there are none. The
// variables that announced them are gone afterwards, so that no child takes
// them for its own. A socket of another kind or name is an error, because
// serving it would be a guess.
func Activated() (map[string]net.Listener, error) { return activated() }

// Notify tells the service manager how the daemon is. Without a service
// manager that listens it does nothing.
func Notify(state string) error {
	if _, err := daemon.SdNotify(false, state); err != nil {
		return fmt.Errorf("notify the service manager: %w", err)
	}
	return nil
}
