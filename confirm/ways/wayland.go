package ways

import (
	"path/filepath"
	"strings"
)

// qtOnWayland is where distributions install Qt's Wayland plugin (Debian's qtwayland5,
// qt6-wayland). Without it a Qt program ends at once on Wayland.
var qtOnWayland = []string{
	"/usr/lib/*/qt[56]/plugins/platforms/libqwayland*.so",
	"/usr/lib*/qt[56]/plugins/platforms/libqwayland*.so",
	"/usr/lib/qt/plugins/platforms/libqwayland*.so",
}

// isPureWayland reports whether the desktop is Wayland without XWayland.
func isPureWayland(env func(string) string) bool {
	return env("WAYLAND_DISPLAY") != "" && !canShowWindow(env)
}

// canDraw reports whether the pinentry at path can show anything on this desktop. GTK 2
// cannot on Wayland: it would look for a terminal.
func (c Config) canDraw(path string) bool {
	switch name := programName(path); {
	case !isPureWayland(c.Env):
		return true
	case strings.HasPrefix(name, "pinentry-qt"):
		return anyFile(c.qtPlugins)
	default:
		return !strings.HasPrefix(name, "pinentry-gtk")
	}
}

func anyFile(patterns []string) bool {
	for _, pattern := range patterns {
		if found, _ := filepath.Glob(pattern); len(found) > 0 {
			return true
		}
	}
	return false
}

// qtPlatform is the variable by which a Qt program draws on X11 where that is, because on
// Wayland pinentry-qt may not confirm. Qt 6 prefers Wayland; Qt 5 by itself tries X11 alone.
func qtPlatform(env func(string) string) []string {
	switch value := env("QT_QPA_PLATFORM"); {
	case env("WAYLAND_DISPLAY") != "" && !isPureWayland(env):
		return []string{"QT_QPA_PLATFORM=xcb"}
	case value != "":
		return []string{"QT_QPA_PLATFORM=" + value}
	case isPureWayland(env):
		return []string{"QT_QPA_PLATFORM=wayland"}
	}
	return nil
}
