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

// portalTime is how long the desktop's portal may delay a question: too short to
// notice. It is asked while fonts and display are opened.
const portalTime = 150 * time.Millisecond

// scheme is the person's choice in org.freedesktop.appearance of the XDG desktop portal.
type scheme uint32

const (
	noScheme scheme = iota
	darkScheme
	lightScheme
)

// askPortal asks in the background. Without an answer in time it returns noScheme.
func askPortal() <-chan scheme {
	answer := make(chan scheme, 1)
	ctx, cancel := context.WithTimeout(context.Background(), portalTime)
	go func() {
		defer cancel()
		answer <- portalScheme(ctx)
	}()
	result := make(chan scheme, 1)
	go func() {
		select {
		case s := <-answer:
			result <- s
		case <-ctx.Done():
			result <- noScheme
		}
	}()
	return result
}

// portalScheme asks the portal, but starts none.
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

// isDark follows the portal, or else GTK_THEME, or else the theme in the desktop's
// settings (XSETTINGS).
func (d *display) isDark(portal scheme, env func(string) string) bool {
	switch theme := env("GTK_THEME"); {
	case portal == darkScheme || portal == lightScheme:
		return portal == darkScheme
	case theme != "":
		return isDarkName(theme)
	}
	return isDarkName(d.themeName())
}

// isDarkName accepts "Adwaita-dark" and GTK's "Adwaita:dark".
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

// stringSetting finds a setting in an XSETTINGS property: byte order, 3 unused bytes,
// serial, count; then for each setting its type, an unused byte, the length of the
// name, the name padded to 4 bytes, a serial, the value.
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
