package sessiontest

import (
	"strings"
	"sync/atomic"
	"testing"

	"github.com/godbus/dbus/v5"
)

// ScreenSaver locks an imagined screen.
type ScreenSaver struct {
	t      testing.TB
	conn   *dbus.Conn
	name   string
	active atomic.Bool
}

// StartScreenSaver begins to serve as name ("org.gnome.ScreenSaver") on the bus
// at address.
func StartScreenSaver(t testing.TB, address, name string) *ScreenSaver {
	t.Helper()
	s := &ScreenSaver{t: t, conn: connect(t, address), name: name}
	if err := s.conn.Export(screen{s}, s.path(), name); err != nil {
		t.Fatal(err)
	}
	own(t, s.conn, name)
	return s
}

func (s *ScreenSaver) path() dbus.ObjectPath {
	return dbus.ObjectPath("/" + strings.ReplaceAll(s.name, ".", "/"))
}

type screen struct{ s *ScreenSaver }

func (o screen) GetActive() (bool, *dbus.Error) { return o.s.active.Load(), nil }

// Set locks or unlocks the screen.
func (s *ScreenSaver) Set(locked bool) {
	s.active.Store(locked)
	Forge(s.t, s.conn, s.name, locked)
}

// Stop ends it without a word.
func (s *ScreenSaver) Stop() { s.conn.Close() }

// Forge sends what only the screen saver of that name should, over any connection.
func Forge(t testing.TB, conn *dbus.Conn, name string, locked bool) {
	t.Helper()
	path := dbus.ObjectPath("/" + strings.ReplaceAll(name, ".", "/"))
	if err := conn.Emit(path, name+".ActiveChanged", locked); err != nil {
		t.Fatal(err)
	}
}
