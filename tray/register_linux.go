package tray

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/godbus/dbus/v5"
)

// Names of the StatusNotifierItem specification.
const (
	watcherName = "org.kde.StatusNotifierWatcher"
	watcherPath = "/StatusNotifierWatcher"
)

// looks are when a panel that came is asked whether it lists the icon: the
// library puts it there once, when the panel takes its name, and some take it
// before they can answer.
func looks() []time.Duration {
	return []time.Duration{3 * time.Second, 10 * time.Second, 30 * time.Second}
}

// itemName is the name under which the library offers the icon.
func itemName() string { return fmt.Sprintf("org.kde.StatusNotifierItem-%d-1", os.Getpid()) }

// keepRegistered sees to it that the icon is listed by whatever panel comes,
// until ctx ends.
func keepRegistered(ctx context.Context, conn *dbus.Conn, log *slog.Logger) {
	signals := make(chan *dbus.Signal, 16)
	conn.Signal(signals)
	_ = conn.AddMatchSignal(dbus.WithMatchSender("org.freedesktop.DBus"), dbus.WithMatchInterface("org.freedesktop.DBus"),
		dbus.WithMatchMember("NameOwnerChanged"), dbus.WithMatchArg(0, watcherName))
	due := looks()
	for {
		var look <-chan time.Time
		if len(due) > 0 {
			look = time.After(due[0])
		}
		select {
		case <-ctx.Done():
			return
		case _, open := <-signals:
			if !open {
				return
			}
			due = looks()
		case <-look:
			due = due[1:]
			register(ctx, conn, log)
		}
	}
}

// registerTime bounds the calls to a panel, which may hang.
const registerTime = 5 * time.Second

// register does nothing where there is no panel, or the icon is listed.
func register(ctx context.Context, conn *dbus.Conn, log *slog.Logger) {
	ctx, cancel := context.WithTimeout(ctx, registerTime)
	defer cancel()
	watcher := conn.Object(watcherName, watcherPath)
	if listed, known := isListed(ctx, conn, watcher); !known || listed {
		return
	}
	err := watcher.CallWithContext(ctx, watcherName+".RegisterStatusNotifierItem", dbus.FlagNoAutoStart, itemName()).Err
	log.Info("the panel did not list the icon; it was told again", "error", err)
}

// isListed asks the panel; known is false when there is none to ask.
func isListed(ctx context.Context, conn *dbus.Conn, watcher dbus.BusObject) (listed, known bool) {
	var items dbus.Variant
	var owner string
	get := watcher.CallWithContext(ctx, "org.freedesktop.DBus.Properties.Get", dbus.FlagNoAutoStart, watcherName, "RegisteredStatusNotifierItems")
	if get.Store(&items) != nil || conn.BusObject().CallWithContext(ctx, "org.freedesktop.DBus.GetNameOwner", 0, itemName()).Store(&owner) != nil {
		return false, false
	}
	list, known := items.Value().([]string)
	return slices.ContainsFunc(list, func(item string) bool {
		return strings.HasPrefix(item, owner+"/") || item == owner || strings.HasPrefix(item, itemName())
	}), known
}
