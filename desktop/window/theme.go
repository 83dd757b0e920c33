package window

import (
	"context"
	"encoding/binary"
	"fmt"
	"strings"
	"time"

	"github.com/godbus/dbus/v5"
	"github.com/jezek/xgb/xproto"

	"github.com/keybroker/keybroker/platform/bus"
)

// portalTime is what the desktop's portal may delay a question by: less than a
// person sees. It is asked while fonts and display are opened.
const portalTime = 150 * time.Millisecond

// scheme is the person's choice by org.freedesktop.appearance of the XDG desktop portal.
type scheme uint32

const (
	noScheme scheme = iota
	darkScheme
	lightScheme
)

// askPortal asks in the background. No answer in time is no choice.
func askPortal() <-chan scheme {
	answer := make(chan scheme, 1)
	ctx, cancel := context.WithTimeout(context.Background(), portalTime)
	go func() {
		defer cancel()
		answer <- portalScheme(ctx)
	}()
	late := make(chan scheme, 1)
	go func() {
		select {
		case s := <-answer:
			late <- s
		case <-ctx.Done():
			late <- noScheme
		}
	}()
	return late
}

// portalScheme starts no portal where none runs.
func portalScheme(ctx context.Context) scheme {
	address, err := bus.Session()
	if err != nil {
		return noScheme
	}
	conn, err := bus.Connect(ctx, address)
	if err != nil {
		return noScheme
	}
	defer conn.Close()
	var value dbus.Variant
	err = conn.Object("org.freedesktop.portal.Desktop", "/org/freedesktop/portal/desktop").CallWithContext(ctx,
		"org.freedesktop.portal.Settings.Read", dbus.FlagNoAutoStart, "org.freedesktop.appearance", "color-scheme").Store(&value)
	if inner, ok := value.Value().(dbus.Variant); ok { // Read wraps it twice
		value = inner
	}
	number, ok := value.Value().(uint32)
	if err != nil || !ok {
		return noScheme
	}
	return scheme(number)
}

// isDark goes by the portal, then by GTK_THEME, then by the theme that the
// desktop's settings name (XSETTINGS).
func (d *display) isDark(portal scheme, env func(string) string) bool {
	switch theme := env("GTK_THEME"); {
	case portal == darkScheme || portal == lightScheme:
		return portal == darkScheme
	case theme != "":
		return isDarkName(theme)
	}
	return isDarkName(d.themeName())
}

// isDarkName takes "Adwaita-dark" and GTK's "Adwaita:dark".
func isDarkName(theme string) bool { return strings.Contains(strings.ToLower(theme), "dark") }

func (d *display) themeName() string {
	owner, err := xproto.GetSelectionOwner(d.Conn, d.atom(fmt.Sprintf("_XSETTINGS_S%d", d.DefaultScreen))).Reply()
	if err != nil || owner.Owner == 0 {
		return ""
	}
	settings := d.atom("_XSETTINGS_SETTINGS")
	reply, err := xproto.GetProperty(d.Conn, false, owner.Owner, settings, settings, 0, maxResources).Reply()
	if err != nil {
		return ""
	}
	return stringSetting(reply.Value, "Net/ThemeName")
}

// stringSetting finds a setting in the property of the XSETTINGS protocol: byte
// order, 3 unused, serial, count; then type, unused, length of the name, name,
// padding to 4, serial, value.
func stringSetting(data []byte, wanted string) string {
	const head, stringType = 12, 1
	if len(data) < head {
		return ""
	}
	var order binary.ByteOrder = binary.LittleEndian
	if data[0] != 0 {
		order = binary.BigEndian
	}
	for data = data[head:]; len(data) >= 4; {
		kind, length := data[0], int(order.Uint16(data[2:]))
		value := 4 + padded(length) + 4 // where it begins
		if len(data) < value+4 {
			return ""
		}
		name, size := string(data[4:4+length]), map[byte]int{0: 4, 2: 8}[kind]
		if kind == stringType {
			text := data[value+4:]
			size = int(min(order.Uint32(data[value:]), uint32(len(text))))
			if name == wanted {
				return string(text[:size])
			}
			size = 4 + padded(size)
		}
		data = data[min(len(data), value+max(size, 4)):]
	}
	return ""
}

func padded(n int) int { return (n + 3) &^ 3 }
