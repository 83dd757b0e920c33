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
	inhibitor *os.File                 // delays sleep until it is closed; nil: it does not
	asleep    bool                     // between the two signals of a sleep
	beside    *beside
	waiting   map[string]bool // calls without an answer yet: see ask
}

// listenToLogind returns nil when the bus is lost.
func (w *Watcher) listenToLogind(ctx context.Context, conn *dbus.Conn) error {
	l := &logind{w: w, conn: conn, beside: newBeside(ctx)}
	defer l.letSleep()
	defer l.beside.close()
	signals := make(chan *dbus.Signal, 16)
	conn.Signal(signals)
	if err := l.subscribe(); err != nil {
		return err
	}
	owner, err := ownerOf(ctx, conn, logindName)
	if err != nil {
		return err
	}
	l.attach(owner)
	for {
		select {
		case signal, open := <-signals:
			if !open {
				return nil
			}
			if name, owner, ok := newOwner(signal); ok && name == logindName {
				l.attach(owner)
			} else if signal.Sender == l.owner { // anybody else's is forged
				l.handle(signal)
			}
		case then := <-l.beside.found:
			then()
		}
	}
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

// attach connects to a logind that was just started, or continues without one.
func (l *logind) attach(owner string) {
	l.letSleep()
	l.beside.dropAll()
	l.owner, l.sessions, l.waiting, l.asleep = owner, map[dbus.ObjectPath]bool{}, map[string]bool{}, false
	if owner == "" {
		l.w.noteWhy(partLogind, "logind does not run")
		return
	}
	l.holdSleep(func() {})
	l.readSessions()
}

// ask makes a call while the loop handles signals. then runs in the loop; last is false
// if the answer is outdated. Once all calls are answered, logind is watched; until then
// a lock of any session counts.
func (l *logind) ask(name string, method func(context.Context) error, then func(last bool, err error)) {
	l.waiting[name] = true
	l.beside.do(name, func(ctx context.Context) func(bool) {
		err := method(ctx)
		return func(last bool) {
			then(last, err)
			if !last {
				return
			}
			if err != nil { // it stays unknown
				l.w.noteWhy(partLogind, err)
				return
			}
			if delete(l.waiting, name); len(l.waiting) == 0 {
				l.w.note(partLogind, "")
			}
		}
	})
}

func (l *logind) object(path dbus.ObjectPath) dbus.BusObject { return l.conn.Object(l.owner, path) }

// Names of the calls to logind; a session's call has its path.
const (
	askSleep    = "sleep"
	askSessions = "sessions"
)

// holdSleep asks for a delay lock: sleep waits until it is given back. answered
// is called in the loop once logind has answered.
func (l *logind) holdSleep(answered func()) {
	object := l.object(logindPath)
	var fd dbus.UnixFD
	l.ask(askSleep, func(ctx context.Context) error {
		return call(ctx, object, logindManager+".Inhibit",
			[]any{"sleep", "keybroker", "Drop opened keys, PINs and grants", "delay"}, &fd)
	}, func(last bool, err error) {
		defer answered()
		if err != nil {
			return
		}
		syscall.CloseOnExec(int(fd)) // a program that we start must not hold sleep back
		l.inhibit(os.NewFile(uintptr(fd), "sleep inhibitor"), last)
	})
}

// inhibit keeps the lock, unless nobody would release it in time.
func (l *logind) inhibit(lock *os.File, last bool) {
	if !last || l.asleep {
		_ = lock.Close()
		return
	}
	l.letSleep()
	l.inhibitor = lock
}

func (l *logind) letSleep() {
	if l.inhibitor != nil {
		_ = l.inhibitor.Close()
		l.inhibitor = nil
	}
}

func (l *logind) handle(signal *dbus.Signal) {
	switch signal.Name {
	case logindManager + ".PrepareForSleep":
		l.sleep(signal.Body)
	case logindManager + ".SessionNew":
		if path, ok := pathIn(signal.Body); ok {
			l.addSession(path)
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

// sleep drops keys and PINs before it lets the machine sleep.
func (l *logind) sleep(body []any) {
	var begins bool
	if dbus.Store(body, &begins) != nil {
		return
	}
	if l.asleep = begins; begins {
		l.w.emit(Suspend, partLogind)
		l.letSleep()
		return
	}
	l.w.sleptSince()
	l.letSleep()
	l.holdSleep(l.resumed)
}

// resumed is called once the next sleep is delayed again, or cannot be, so that whoever
// acts on Resume knows that.
func (l *logind) resumed() {
	if !l.asleep { // it did not fall asleep again meanwhile
		l.w.emit(Resume, partLogind)
	}
}
