package session

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/godbus/dbus/v5"
	"github.com/keybroker/keybroker/platform/bus"
)

// callTimeout bounds one call: a service that hangs counts as absent.
const callTimeout = 5 * time.Second

// The parts that watchDesktop watches, as notes name them.
const (
	partLogind = "logind"
	partScreen = "screen saver"
)

// blind is what is not noticed while a part cannot be reached.
func blind() map[string]string {
	return map[string]string{
		partLogind: "sleep is found only afterwards, and the end of the session is not noticed",
		partScreen: "locking the screen is noticed only if logind tells of it",
	}
}

// watchDesktop listens on both buses, and reconnects to one that was lost.
func (w *Watcher) watchDesktop(ctx context.Context) {
	var buses sync.WaitGroup
	buses.Go(func() {
		w.keepListening(ctx, partLogind, func() error { return listenOnce(ctx, w.System, w.listenToLogind) })
	})
	buses.Go(func() {
		w.keepListening(ctx, partScreen, func() error { return listenOnce(ctx, w.Session, w.listenToScreenSavers) })
	})
	buses.Wait()
}

func listenOnce(ctx context.Context, address func() (string, error), listen func(context.Context, *dbus.Conn) error) error {
	where, err := address()
	if err != nil {
		return err
	}
	short, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	conn, err := bus.Connect(short, where)
	if err != nil {
		return err
	}
	defer conn.Close()
	defer context.AfterFunc(ctx, func() { _ = conn.Close() })()
	if err := listen(ctx, conn); err != nil {
		return err
	}
	return errors.New("the bus went away")
}

const busName = "org.freedesktop.DBus"

// ownerOf is the unique name behind a well-known one; "": nobody has it.
func ownerOf(ctx context.Context, conn *dbus.Conn, name string) (string, error) {
	var owner string
	err := call(ctx, conn.BusObject(), busName+".GetNameOwner", []any{name}, &owner)
	var refused dbus.Error
	if errors.As(err, &refused) && refused.Name == busName+".Error.NameHasNoOwner" {
		return "", nil
	}
	return owner, err
}

// newOwner reads a NameOwnerChanged of the bus itself.
func newOwner(signal *dbus.Signal) (name, owner string, ok bool) {
	if signal.Sender != busName || signal.Name != busName+".NameOwnerChanged" {
		return "", "", false
	}
	var old string
	return name, owner, dbus.Store(signal.Body, &name, &old, &owner) == nil
}

func watchOwner(conn *dbus.Conn, name string) error {
	return conn.AddMatchSignal(dbus.WithMatchSender(busName), dbus.WithMatchInterface(busName),
		dbus.WithMatchMember("NameOwnerChanged"), dbus.WithMatchArg(0, name))
}

// call does not start a service: one that does not run has nothing to report.
func call(ctx context.Context, object dbus.BusObject, method string, args []any, results ...any) error {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	return object.CallWithContext(ctx, method, dbus.FlagNoAutoStart, args...).Store(results...)
}
