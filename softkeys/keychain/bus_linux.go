package keychain

import (
	"context"
	"errors"
	"fmt"

	"github.com/godbus/dbus/v5"
	"github.com/keybroker/keybroker/platform/bus"
)

// sessionBus finds the session bus.
func sessionBus() (string, error) {
	address, err := bus.Session()
	if err != nil {
		return "", fmt.Errorf("session bus: %w: %w", ErrAbsent, err)
	}
	return address, nil
}

// connect opens a private connection, which the caller closes. It outlives ctx,
// so that a prompt can still be dismissed after ctx ends.
func connect(ctx context.Context, address string) (*dbus.Conn, error) {
	conn, err := bus.Connect(ctx, address)
	switch {
	case err == nil:
		return conn, nil
	case ctx.Err() != nil:
		return nil, fmt.Errorf("connect to the session bus: %w", err)
	}
	return nil, fmt.Errorf("connect to the session bus: %w: %w", ErrAbsent, err)
}

// errVanished means that the service or one of its objects is gone. The bus
// restarts a killed gnome-keyring-daemon, with no keyring unlocked.
var errVanished = errors.New("the keychain service went away")

// states maps D-Bus error names to the keychain's states.
var states = map[string]error{
	"org.freedesktop.Secret.Error.IsLocked":               ErrLocked,
	"org.freedesktop.Secret.Error.NoSuchObject":           errVanished,
	"org.freedesktop.Secret.Error.NoSession":              errVanished,
	"org.freedesktop.DBus.Error.UnknownObject":            errVanished,
	"org.freedesktop.DBus.Error.UnknownMethod":            errVanished, // "Object does not exist at path"
	"org.freedesktop.DBus.Error.NameHasNoOwner":           errVanished,
	"org.freedesktop.DBus.Error.NoReply":                  errVanished,
	"org.freedesktop.DBus.Error.ServiceUnknown":           ErrAbsent,
	"org.freedesktop.DBus.Error.Spawn.ServiceNotFound":    ErrAbsent,
	"org.freedesktop.DBus.Error.Spawn.ExecFailed":         ErrAbsent,
	"org.freedesktop.DBus.Error.Spawn.ChildExited":        ErrAbsent,
	"org.freedesktop.DBus.Error.Spawn.ChildSignaled":      ErrAbsent,
	"org.freedesktop.DBus.Error.Spawn.PermissionsInvalid": ErrAbsent,
}

// call runs one method and wraps the state that its error stands for.
func call(ctx context.Context, object dbus.BusObject, method string, args []any, results ...any) error {
	err := object.CallWithContext(ctx, method, 0, args...).Store(results...)
	if err == nil {
		return nil
	}
	if ctx.Err() != nil {
		return fmt.Errorf("%s: %w", method, context.Cause(ctx))
	}
	var refused dbus.Error
	if errors.As(err, &refused) && states[refused.Name] != nil {
		return fmt.Errorf("%s: %w: %w", method, states[refused.Name], err)
	}
	if errors.Is(err, dbus.ErrClosed) {
		return fmt.Errorf("%s: %w: %w", method, errVanished, err)
	}
	return fmt.Errorf("%s: %w", method, err)
}
