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
	if err := s.conn.Emit(s.path(), s.name+".ActiveChanged", locked); err != nil {
		s.t.Fatal(err)
	}
}

// TakeAndDrop is a program that takes the name and lets it go, again and again,
// and answers to nothing. It has the name at the end.
func TakeAndDrop(t testing.TB, address, name string, times int) {
	t.Helper()
	conn := connect(t, address)
	s := &ScreenSaver{t: t, name: name}
	over := make(chan struct{})
	t.Cleanup(func() { close(over) })
	if err := conn.Export(hungScreen{over}, s.path(), name); err != nil {
		t.Fatal(err)
	}
	for range times {
		own(t, conn, name)
		if _, err := conn.ReleaseName(name); err != nil {
			t.Fatal(err)
		}
	}
	own(t, conn, name)
}

// hungScreen answers when the test is over.
type hungScreen struct{ over chan struct{} }

func (o hungScreen) GetActive() (bool, *dbus.Error) { <-o.over; return false, nil }

// Stop ends it without a word.
func (s *ScreenSaver) Stop() { s.conn.Close() }

// Forge sends, over a connection of its own, what only the screen saver of that
// name should: to everybody on the bus by name, so that no match rule is in the way.
func Forge(t testing.TB, address, name string, locked bool) {
	t.Helper()
	conn := connect(t, address)
	var list []string
	if err := conn.BusObject().Call("org.freedesktop.DBus.ListNames", 0).Store(&list); err != nil {
		t.Fatal(err)
	}
	for _, to := range list {
		if strings.HasPrefix(to, ":") {
			forgeTo(t, conn, to, name, locked)
		}
	}
	// What was sent before is delivered before the answer to this.
	if err := conn.BusObject().Call("org.freedesktop.DBus.GetId", 0).Err; err != nil {
		t.Fatal(err)
	}
}

func forgeTo(t testing.TB, conn *dbus.Conn, to, name string, locked bool) {
	t.Helper()
	message := &dbus.Message{Type: dbus.TypeSignal, Body: []any{locked}, Headers: map[dbus.HeaderField]dbus.Variant{
		dbus.FieldDestination: dbus.MakeVariant(to),
		dbus.FieldPath:        dbus.MakeVariant(dbus.ObjectPath("/" + strings.ReplaceAll(name, ".", "/"))),
		dbus.FieldInterface:   dbus.MakeVariant(name), dbus.FieldMember: dbus.MakeVariant("ActiveChanged"),
		dbus.FieldSignature: dbus.MakeVariant(dbus.SignatureOf(locked)),
	}}
	if err := conn.Send(message, nil).Err; err != nil {
		t.Fatal(err)
	}
}
