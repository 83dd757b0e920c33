package window

import (
	"testing"

	"github.com/godbus/dbus/v5"

	"github.com/keybroker/keybroker/platform/bus"
	"github.com/keybroker/keybroker/softkeys/softkeystest"
)

// portal is a desktop portal with the person's choice of scheme.
type portal uint32

func (p portal) Read(string, string) (dbus.Variant, *dbus.Error) {
	return dbus.MakeVariant(dbus.MakeVariant(uint32(p))), nil
}

func TestPortal(t *testing.T) {
	address := softkeystest.StartBus(t, false).Address
	t.Setenv("DBUS_SESSION_BUS_ADDRESS", address)
	if got := portalScheme(t.Context()); got != noScheme {
		t.Errorf("without a portal: %d", got)
	}
	conn, err := bus.Connect(t.Context(), address)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if _, err := conn.RequestName("org.freedesktop.portal.Desktop", 0); err != nil {
		t.Fatal(err)
	}
	for _, want := range []scheme{darkScheme, lightScheme, noScheme} {
		if err := conn.Export(portal(want), "/org/freedesktop/portal/desktop", "org.freedesktop.portal.Settings"); err != nil {
			t.Fatal(err)
		}
		if got := portalScheme(t.Context()); got != want {
			t.Errorf("%d, want %d", got, want)
		}
	}
}
