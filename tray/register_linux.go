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

// checkDelays says when to ask a new panel whether it lists the icon. The library
// registers the icon once, when the panel takes its name; some panels take it before
// they can answer.
func checkDelays() []time.Duration {
	return []time.Duration{3 * time.Second, 10 * time.Second, 30 * time.Second}
}

// itemName is the name under which the library offers the icon.
func itemName() string { return fmt.Sprintf("org.kde.StatusNotifierItem-%d-1", os.Getpid()) }

// keepRegistered registers the icon with every panel that appears, until ctx ends.
func keepRegistered(ctx context.Context, conn *dbus.Conn, log *slog.Logger) {
	signals := make(chan *dbus.Signal, 16)
	conn.Signal(signals)
	_ = conn.AddMatchSignal(dbus.WithMatchSender("org.freedesktop.DBus"), dbus.WithMatchInterface("org.freedesktop.DBus"),
		dbus.WithMatchMember("NameOwnerChanged"), dbus.WithMatchArg(0, watcherName))
	due := checkDelays()
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
			due = checkDelays()
		case <-look:
			due = due[1:]
			register(ctx, conn, log)
		}
	}
}

// registerTime bounds the calls to a panel that hangs.
const registerTime = 5 * time.Second

// register does nothing if there is no panel or the icon is listed.
func register(ctx context.Context, conn *dbus.Conn, log *slog.Logger) {
	ctx, cancel := context.WithTimeout(ctx, registerTime)
	defer cancel()
	watcher := conn.Object(watcherName, watcherPath)
	if listed, known := isListed(ctx, conn, watcher); !known || listed {
		return
	}
	err := watcher.CallWithContext(ctx, watcherName+".RegisterStatusNotifierItem", dbus.FlagNoAutoStart, itemName()).Err
	log.Info("the panel did not list the icon; it was registered again", "error", err)
}

// isListed asks the panel; known is false if there is none.
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
