package tray

import (
	"io"
	"log/slog"
	"testing"

	"github.com/godbus/dbus/v5"
	"github.com/keybroker/keybroker/platform/bus"
	"github.com/keybroker/keybroker/softkeys/softkeystest"
)

// panel lists icons that registered earlier, and passes on new registrations.
type panel struct {
	listed     []string
	registered chan string
}

func (p *panel) Get(string, string) (dbus.Variant, *dbus.Error) {
	return dbus.MakeVariant(p.listed), nil
}

func (p *panel) RegisterStatusNotifierItem(item string) *dbus.Error {
	p.registered <- item
	return nil
}

func TestRegisterAgain(t *testing.T) {
	address := softkeystest.StartBus(t, false).Address
	conn, err := bus.Connect(t.Context(), address)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if _, err := conn.RequestName(itemName(), 0); err != nil {
		t.Fatal(err)
	}
	log := slog.New(slog.NewTextHandler(io.Discard, nil))
	register(t.Context(), conn, log) // without a panel

	server, err := bus.Connect(t.Context(), address)
	if err != nil {
		t.Fatal(err)
	}
	defer server.Close()
	own := conn.Names()[0] + "/StatusNotifierItem"
	for _, test := range []struct {
		listed []string
		want   int
	}{
		{[]string{":1.99/StatusNotifierItem"}, 1},
		{[]string{":1.99/StatusNotifierItem", own}, 0},
		{[]string{itemName() + "/StatusNotifierItem"}, 0},
	} {
		p := &panel{listed: test.listed, registered: make(chan string, 1)}
		for _, iface := range []string{watcherName, "org.freedesktop.DBus.Properties"} {
			if err := server.Export(p, watcherPath, iface); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := server.RequestName(watcherName, 0); err != nil {
			t.Fatal(err)
		}
		register(t.Context(), conn, log)
		if len(p.registered) != test.want || test.want == 1 && <-p.registered != itemName() {
			t.Errorf("listed %q: registered %d times, want %d", test.listed, len(p.registered), test.want)
		}
	}
}
