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

// noScreenSaver is the note for a bus without any of them.
const noScreenSaver = "no screen saver is on the session bus"

// screens is a connection to the session bus, with the services that run on it.
type screens struct {
	w      *Watcher
	conn   *dbus.Conn
	owners map[string]string // by name of the service; "": nobody has it
	beside *beside
}

// listenToScreenSavers returns nil when the bus is lost. A signal counts only if it
// comes from the process that owns the service's name.
func (w *Watcher) listenToScreenSavers(ctx context.Context, conn *dbus.Conn) error {
	signals := make(chan *dbus.Signal, 16)
	conn.Signal(signals)
	s := &screens{w: w, conn: conn, owners: map[string]string{}, beside: newBeside(ctx)}
	defer s.beside.close()
	for name := range screenSavers {
		if err := s.subscribe(ctx, name); err != nil {
			return err
		}
	}
	s.note()
	for {
		select {
		case signal, open := <-signals:
			if !open {
				return nil
			}
			s.handle(signal)
		case then := <-s.beside.found:
			then()
		}
	}
}

func (s *screens) subscribe(ctx context.Context, name string) error {
	err := watchOwner(s.conn, name)
	if err == nil {
		err = s.conn.AddMatchSignal(dbus.WithMatchSender(name), dbus.WithMatchInterface(name), dbus.WithMatchMember("ActiveChanged"))
	}
	if err != nil {
		return err
	}
	owner, err := ownerOf(ctx, s.conn, name) // of the bus itself, which answers
	s.come(name, owner)
	return err
}

func (s *screens) handle(signal *dbus.Signal) {
	if name, owner, ok := newOwner(signal); ok {
		s.come(name, owner)
		s.note()
		return
	}
	for name, owner := range s.owners {
		var active bool
		if signal.Name == name+".ActiveChanged" && signal.Sender == owner && dbus.Store(signal.Body, &active) == nil {
			s.beside.drop(name) // what it would answer is older
			s.w.lockedBy(name, active)
		}
	}
}

// come asks a service that just appeared for its state. If it is gone again, the state
// of the screen stays.
func (s *screens) come(name, owner string) {
	s.owners[name] = owner
	if screenSavers[name] == "" || owner == "" {
		return
	}
	s.beside.do(name, func(ctx context.Context) func(bool) {
		var active bool
		err := call(ctx, s.conn.Object(owner, screenSavers[name]), name+".GetActive", nil, &active)
		return func(last bool) {
			if err == nil && last {
				s.w.lockedBy(name, active)
			}
		}
	})
}

// note reports that no service can tell.
func (s *screens) note() {
	for _, owner := range s.owners {
		if owner != "" {
			s.w.note(partScreen, "")
			return
		}
	}
	s.w.noteWhy(partScreen, noScreenSaver)
}
