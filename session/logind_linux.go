package session

import (
	"context"
	"os"
	"syscall"

	"github.com/godbus/dbus/v5"
)

// Names of org.freedesktop.login1(5).
const (
	logindName      = "org.freedesktop.login1"
	logindPath      = "/org/freedesktop/login1"
	logindManager   = logindName + ".Manager"
	logindSession   = logindName + ".Session"
	sessionsBelow   = logindPath + "/session"
	propertiesIface = "org.freedesktop.DBus.Properties"
)

// logind is a connection to the system bus with what logind said there.
type logind struct {
	w         *Watcher
	conn      *dbus.Conn
	owner     string                   // unique name; "": logind does not run
	sessions  map[dbus.ObjectPath]bool // this user's; whether it is one on a desktop
	inhibitor *os.File                 // holds sleep back until it is closed; nil: it does not
}

// listenToLogind returns nil when the bus went away.
func (w *Watcher) listenToLogind(ctx context.Context, conn *dbus.Conn) error {
	l := &logind{w: w, conn: conn}
	defer l.letSleep()
	signals := make(chan *dbus.Signal, 16)
	conn.Signal(signals)
	if err := l.subscribe(); err != nil {
		return err
	}
	owner, err := ownerOf(ctx, conn, logindName)
	if err != nil {
		return err
	}
	l.attach(ctx, owner)
	for signal := range signals {
		if name, owner, ok := newOwner(signal); ok && name == logindName {
			l.attach(ctx, owner)
		} else if signal.Sender == l.owner { // anybody else's is forged
			l.handle(ctx, signal)
		}
	}
	return nil
}

func (l *logind) subscribe() error {
	if err := watchOwner(l.conn, logindName); err != nil {
		return err
	}
	for _, options := range [][]dbus.MatchOption{
		{dbus.WithMatchInterface(logindManager)},
		{dbus.WithMatchInterface(logindSession), dbus.WithMatchPathNamespace(sessionsBelow)},
		{dbus.WithMatchInterface(propertiesIface), dbus.WithMatchPathNamespace(sessionsBelow)},
	} {
		if err := l.conn.AddMatchSignal(append(options, dbus.WithMatchSender(logindName))...); err != nil {
			return err
		}
	}
	return nil
}

// attach begins with a logind that was started just now, or goes on without one.
func (l *logind) attach(ctx context.Context, owner string) {
	l.letSleep()
	l.owner, l.sessions = owner, map[dbus.ObjectPath]bool{}
	if owner == "" {
		l.w.noteWhy(partLogind, "logind does not run")
		return
	}
	err := l.holdSleep(ctx)
	if err == nil {
		err = l.readSessions(ctx)
	}
	if err != nil {
		l.w.noteWhy(partLogind, err)
		return
	}
	l.w.note(partLogind, "")
}

func (l *logind) object(path dbus.ObjectPath) dbus.BusObject { return l.conn.Object(l.owner, path) }

// holdSleep asks for a delay lock: sleep waits until it is given back.
func (l *logind) holdSleep(ctx context.Context) error {
	var fd dbus.UnixFD
	err := call(ctx, l.object(logindPath), logindManager+".Inhibit",
		[]any{"sleep", "keybroker", "Drop opened keys, PINs and grants", "delay"}, &fd)
	if err != nil {
		return err
	}
	syscall.CloseOnExec(int(fd)) // a program that we start must not hold sleep back
	l.inhibitor = os.NewFile(uintptr(fd), "sleep inhibitor")
	return nil
}

func (l *logind) letSleep() {
	if l.inhibitor != nil {
		_ = l.inhibitor.Close()
		l.inhibitor = nil
	}
}

func (l *logind) handle(ctx context.Context, signal *dbus.Signal) {
	switch signal.Name {
	case logindManager + ".PrepareForSleep":
		l.sleep(ctx, signal.Body)
	case logindManager + ".SessionNew":
		if path, ok := pathIn(signal.Body); ok {
			l.addSession(ctx, path)
		}
	case logindManager + ".SessionRemoved":
		if path, ok := pathIn(signal.Body); ok {
			l.removeSession(path)
		}
	case logindSession + ".Lock", logindSession + ".Unlock":
		l.screen(signal.Path, signal.Name == logindSession+".Lock")
	case propertiesIface + ".PropertiesChanged":
		l.changed(signal)
	}
}

// sleep drops what has to be dropped, and only then lets the machine sleep.
func (l *logind) sleep(ctx context.Context, body []any) {
	var begins bool
	if dbus.Store(body, &begins) != nil {
		return
	}
	if begins {
		l.w.emit(Suspend, partLogind)
		l.letSleep()
		return
	}
	l.w.sleptSince()
	l.letSleep()
	if err := l.holdSleep(ctx); err != nil {
		l.w.noteWhy(partLogind, err)
	}
	l.w.emit(Resume, partLogind)
}
