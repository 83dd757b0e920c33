// Package bus finds and joins the D-Bus daemons of the system and of the
// person's session. It never starts one.
package bus

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/godbus/dbus/v5"
)

// ErrAbsent means that there is no such bus.
var ErrAbsent = errors.New("there is no such bus")

// systemSocket is where the D-Bus specification puts the system bus
// ("Well-known Message Bus Instances").
const systemSocket = "/run/dbus/system_bus_socket"

// Session is the address of the session bus. It is looked for here, and not by
// godbus, which would run dbus-launch where there is none: a stray bus with
// none of the person's programs on it. An error wraps ErrAbsent.
func Session() (string, error) {
	address := os.Getenv("DBUS_SESSION_BUS_ADDRESS")
	if strings.HasPrefix(address, "autolaunch:") {
		address = ""
	}
	if address != "" {
		return address, nil
	}
	runtime := os.Getenv("XDG_RUNTIME_DIR")
	if runtime == "" {
		return "", fmt.Errorf("DBUS_SESSION_BUS_ADDRESS and XDG_RUNTIME_DIR are not set: %w", ErrAbsent)
	}
	return atSocket(filepath.Join(runtime, "bus"))
}

// System is the address of the system bus. An error wraps ErrAbsent.
func System() (string, error) {
	if address := os.Getenv("DBUS_SYSTEM_BUS_ADDRESS"); address != "" {
		return address, nil
	}
	return atSocket(systemSocket)
}

func atSocket(path string) (string, error) {
	if info, err := os.Stat(path); err != nil || info.Mode().Type() != os.ModeSocket {
		return "", fmt.Errorf("there is no socket %s: %w", path, ErrAbsent)
	}
	return "unix:path=" + dbus.EscapeBusAddressValue(path), nil
}

// Connect opens a private connection, which the caller closes. It outlives ctx, which
// bounds only the connecting. Signals arrive in order. An error wraps ErrAbsent, or
// is ctx's.
func Connect(ctx context.Context, address string) (*dbus.Conn, error) {
	life, end := context.WithCancel(context.WithoutCancel(ctx))
	stop := context.AfterFunc(ctx, end) // ends a hanging Auth or Hello
	conn, err := dbus.Connect(address, dbus.WithContext(life), dbus.WithSignalHandler(dbus.NewSequentialSignalHandler()))
	if err == nil && !stop() {
		_ = conn.Close()
		err = context.Cause(ctx)
	}
	if err != nil {
		stop()
		end()
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		return nil, fmt.Errorf("%w: %w", ErrAbsent, err)
	}
	return conn, nil
}

// HasOwner reports whether somebody has a name on the bus at address. It starts nobody.
func HasOwner(ctx context.Context, address, name string) (owned bool, err error) {
	conn, err := Connect(ctx, address)
	if err != nil {
		return false, err
	}
	defer conn.Close()
	err = conn.BusObject().CallWithContext(ctx, "org.freedesktop.DBus.NameHasOwner", dbus.FlagNoAutoStart, name).Store(&owned)
	return owned, err
}
