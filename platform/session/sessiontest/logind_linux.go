// Package sessiontest stands where systemd-logind and a screen saver would, on
// a real bus.
package sessiontest

import (
	"fmt"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/godbus/dbus/v5"
)

// patience bounds every wait; a busy machine is slow.
const patience = 30 * time.Second

// glance is how long a pipe is looked at; one that is closed says so at once.
const glance = 50 * time.Millisecond

const (
	logindName    = "org.freedesktop.login1"
	logindPath    = "/org/freedesktop/login1"
	logindManager = logindName + ".Manager"
	logindSession = logindName + ".Session"
	properties    = "org.freedesktop.DBus.Properties"
)

// Logind has one session of this user, on a desktop, and one of somebody else.
type Logind struct {
	t    testing.TB
	conn *dbus.Conn

	mu         sync.Mutex  // guards the fields that follow
	inhibitors []inhibitor // the delay locks that are out
	locked     bool
	hangs      chan struct{} // closed: it answers again; nil: it does
}

// inhibitor is a pipe: the end that is given out is the lock, and the other one
// sees when no copy of it is open any more.
type inhibitor struct{ given, kept *os.File }

// The sessions that there are.
const (
	Mine   = dbus.ObjectPath(logindPath + "/session/c1")
	Others = dbus.ObjectPath(logindPath + "/session/c2")
)

// StartLogind begins to serve on the bus at address.
func StartLogind(t testing.TB, address string) *Logind {
	t.Helper()
	l := &Logind{t: t, conn: connect(t, address)}
	l.export(manager{l}, logindPath, logindManager)
	l.export(sessionObject{l, os.Getuid()}, Mine, properties)
	l.export(sessionObject{l, os.Getuid() + 1}, Others, properties)
	own(t, l.conn, logindName)
	return l
}

func connect(t testing.TB, address string) *dbus.Conn {
	t.Helper()
	conn, err := dbus.Connect(address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return conn
}

func own(t testing.TB, conn *dbus.Conn, name string) {
	t.Helper()
	reply, err := conn.RequestName(name, dbus.NameFlagDoNotQueue)
	if err != nil || reply != dbus.RequestNameReplyPrimaryOwner {
		t.Fatalf("%s: %v, %v", name, reply, err)
	}
}

func (l *Logind) export(what any, path dbus.ObjectPath, iface string) {
	if err := l.conn.Export(what, path, iface); err != nil {
		l.t.Fatal(err)
	}
}

type manager struct{ *Logind }

// Inhibit gives out a lock. Our own copy stays open until Sleep, because it is
// sent some time after this returns.
func (m manager) Inhibit(what, who, why, mode string) (dbus.UnixFD, *dbus.Error) {
	m.hang()
	if what != "sleep" || mode != "delay" {
		return 0, dbus.MakeFailedError(fmt.Errorf("unexpected: %s %s", what, mode))
	}
	read, write, err := os.Pipe()
	if err != nil {
		return 0, dbus.MakeFailedError(err)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.inhibitors = append(m.inhibitors, inhibitor{given: write, kept: read})
	return dbus.UnixFD(write.Fd()), nil
}

type listed struct {
	ID   string
	UID  uint32
	User string
	Seat string
	Path dbus.ObjectPath
}

func (m manager) ListSessions() ([]listed, *dbus.Error) {
	m.hang()
	return []listed{{"c1", uint32(os.Getuid()), "me", "seat0", Mine}, {"c2", uint32(os.Getuid() + 1), "other", "", Others}}, nil
}

type sessionObject struct {
	*Logind
	uid int
}

func (s sessionObject) GetAll(iface string) (map[string]dbus.Variant, *dbus.Error) {
	s.hang()
	s.mu.Lock()
	defer s.mu.Unlock()
	user := struct {
		UID  uint32
		Path dbus.ObjectPath
	}{uint32(s.uid), "/org/freedesktop/login1/user/x"}
	return map[string]dbus.Variant{"User": dbus.MakeVariant(user), "Type": dbus.MakeVariant("x11"),
		"LockedHint": dbus.MakeVariant(s.locked)}, nil
}

// Emit sends one signal of logind's.
func (l *Logind) Emit(path dbus.ObjectPath, member string, values ...any) {
	l.t.Helper()
	if err := l.conn.Emit(path, member, values...); err != nil {
		l.t.Fatal(err)
	}
}

// Hang makes it answer to nothing until the returned function is called.
func (l *Logind) Hang() (goOn func()) {
	l.mu.Lock()
	defer l.mu.Unlock()
	hangs := make(chan struct{})
	l.hangs = hangs
	return func() { close(hangs) }
}

func (l *Logind) hang() {
	l.mu.Lock()
	hangs := l.hangs
	l.mu.Unlock()
	if hangs != nil {
		<-hangs
	}
}

// Lock asks the session to lock its screen, as loginctl lock-session does.
func (l *Logind) Lock(session dbus.ObjectPath) { l.Emit(session, logindSession+".Lock") }

// Unlock is its opposite.
func (l *Logind) Unlock(session dbus.ObjectPath) { l.Emit(session, logindSession+".Unlock") }

// Hint is what a desktop does once its screen is locked.
func (l *Logind) Hint(locked bool) {
	l.mu.Lock()
	l.locked = locked
	l.mu.Unlock()
	l.Emit(Mine, properties+".PropertiesChanged", logindSession,
		map[string]dbus.Variant{"LockedHint": dbus.MakeVariant(locked)}, []string{})
}

// Sleep announces sleep, and returns when nobody holds it back any more. The
// locks must have arrived where they were asked for.
func (l *Logind) Sleep() {
	l.t.Helper()
	l.Emit(logindPath, logindManager+".PrepareForSleep", true)
	for end := time.Now().Add(patience); l.Held(); {
		if time.Now().After(end) {
			l.t.Fatal("sleep is held back")
		}
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, one := range l.inhibitors {
		one.kept.Close()
	}
	l.inhibitors = nil
}

// Held reports whether somebody holds sleep back at this moment.
func (l *Logind) Held() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, one := range l.inhibitors {
		one.given.Close()
		_ = one.kept.SetReadDeadline(time.Now().Add(glance))
		if _, err := one.kept.Read(make([]byte, 1)); os.IsTimeout(err) {
			return true
		}
	}
	return false
}

// Wake says that sleep is over.
func (l *Logind) Wake() { l.Emit(logindPath, logindManager+".PrepareForSleep", false) }

// End ends a session.
func (l *Logind) End(session dbus.ObjectPath) {
	l.Emit(logindPath, logindManager+".SessionRemoved", "c", session)
}

// Stop ends logind itself.
func (l *Logind) Stop() { l.conn.Close() }
