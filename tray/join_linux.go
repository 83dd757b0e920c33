package tray

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"

	"github.com/godbus/dbus/v5"
	"github.com/keybroker/keybroker/platform/bus"
	"github.com/keybroker/keybroker/problem"
)

// busName is owned by the one tray that runs.
const busName = "org.keybroker.Tray"

// join connects to the session bus. The returned function disconnects. cancel is
// called when the bus, and the desktop with it, ends.
func join(ctx context.Context, cancel context.CancelFunc, log *slog.Logger) (notifier, func(), error) {
	address, err := bus.Session()
	if err == nil {
		// Without this variable the library would start another bus.
		err = os.Setenv("DBUS_SESSION_BUS_ADDRESS", address)
	}
	if err != nil {
		return nil, nil, problem.With(fmt.Errorf("there is no desktop to show a tray on: %w", err), "use the commands: keybroker status, pause, lock, grants")
	}
	conn, err := bus.Connect(ctx, address)
	if err != nil {
		return nil, nil, fmt.Errorf("there is no desktop to show a tray on: %w", err)
	}
	reply, err := conn.RequestName(busName, dbus.NameFlagDoNotQueue)
	if err == nil && reply != dbus.RequestNameReplyPrimaryOwner {
		err = errors.New("a tray runs already")
	}
	if err != nil {
		_ = conn.Close()
		return nil, nil, err
	}
	logMissingPanel(conn, log)
	go keepRegistered(conn.Context(), conn, log) // it ends with the connection
	stop := context.AfterFunc(conn.Context(), cancel)
	return &desktopNotifier{conn: conn, shown: map[string]uint32{}}, func() { stop(); _ = conn.Close() }, nil
}

func logMissingPanel(conn *dbus.Conn, log *slog.Logger) {
	var has bool
	if conn.BusObject().Call("org.freedesktop.DBus.NameHasOwner", 0, watcherName).Store(&has) == nil && !has {
		log.Info("this desktop has no tray now; the icon appears when one comes")
	}
}

func iconFile(s state) []byte { return iconPNG(s) }
