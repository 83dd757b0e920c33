package session

import (
	"context"

	"github.com/godbus/dbus/v5"
)

// screenSavers are the services that lock a screen, with the object of each.
// The interface has the service's name; freedesktop.org's is KDE's and others'.
var screenSavers = map[string]dbus.ObjectPath{
	"org.freedesktop.ScreenSaver": "/org/freedesktop/ScreenSaver",
	"org.gnome.ScreenSaver":       "/org/gnome/ScreenSaver",
	"org.cinnamon.ScreenSaver":    "/org/cinnamon/ScreenSaver",
	"org.mate.ScreenSaver":        "/org/mate/ScreenSaver",
	"org.xfce.ScreenSaver":        "/org/xfce/ScreenSaver",
}

// listenToScreenSavers returns nil when the bus went away. A signal counts only
// from the process that has the service's name now.
func (w *Watcher) listenToScreenSavers(ctx context.Context, conn *dbus.Conn) error {
	signals := make(chan *dbus.Signal, 16)
	conn.Signal(signals)
	owners := map[string]string{}
	for name := range screenSavers {
		err := watchOwner(conn, name)
		if err == nil {
			err = conn.AddMatchSignal(dbus.WithMatchSender(name), dbus.WithMatchInterface(name), dbus.WithMatchMember("ActiveChanged"))
		}
		if err == nil {
			owners[name], err = ownerOf(ctx, conn, name)
		}
		if err != nil {
			return err
		}
	}
	for name, owner := range owners {
		w.askScreenSaver(ctx, conn, name, owner)
	}
	w.note(partScreen, "")
	for signal := range signals {
		if name, owner, ok := newOwner(signal); ok {
			owners[name] = owner
			w.askScreenSaver(ctx, conn, name, owner)
			continue
		}
		for name, owner := range owners {
			var active bool
			if signal.Name == name+".ActiveChanged" && signal.Sender == owner && dbus.Store(signal.Body, &active) == nil {
				w.lockedBy(name, active)
			}
		}
	}
	return nil
}

// askScreenSaver finds out what one that just came up thinks. One that is gone
// says nothing: the screen stays as it was.
func (w *Watcher) askScreenSaver(ctx context.Context, conn *dbus.Conn, name, owner string) {
	if screenSavers[name] == "" || owner == "" {
		return
	}
	var active bool
	if call(ctx, conn.Object(owner, screenSavers[name]), name+".GetActive", nil, &active) == nil {
		w.lockedBy(name, active)
	}
}
