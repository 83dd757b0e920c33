package ways

import (
	"path/filepath"
	"strings"
)

// qtOnWayland is where distributions keep the plugin by which Qt draws on Wayland
// (Debian's qtwayland5, qt6-wayland). Without it a Qt program ends at once there.
var qtOnWayland = []string{
	"/usr/lib/*/qt[56]/plugins/platforms/libqwayland*.so",
	"/usr/lib*/qt[56]/plugins/platforms/libqwayland*.so",
	"/usr/lib/qt/plugins/platforms/libqwayland*.so",
}

// onlyWayland says whether the desktop is Wayland's, without XWayland.
func onlyWayland(env func(string) string) bool {
	return env("WAYLAND_DISPLAY") != "" && !showsWindow(env)
}

// draws says whether the pinentry at path can show anything on this desktop. On
// Wayland GTK 2 cannot: it would look for a terminal.
func (c Config) draws(path string) bool {
	switch name := programName(path); {
	case !onlyWayland(c.Env):
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
