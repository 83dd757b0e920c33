package doctor

import (
	"context"
	"fmt"
	"os"
	"runtime"
	"strings"

	"github.com/keybroker/keybroker/confirm/ways"
	"github.com/keybroker/keybroker/platform"
	"github.com/keybroker/keybroker/platform/bus"
)

// watcherName is whom programs ask for a place in the panel (StatusNotifierItem's specification).
const watcherName = "org.kde.StatusNotifierWatcher"

// checkTray says whether the desktop's panel shows icons of programs. There is nothing to
// say without a desktop, and where every desktop shows them.
func checkTray(ctx context.Context) []Check {
	everywhere := runtime.GOOS == "windows" || runtime.GOOS == "darwin"
	if everywhere || os.Getenv("DISPLAY")+os.Getenv("WAYLAND_DISPLAY") == "" {
		return nil
	}
	address, err := bus.Session()
	if err != nil {
		return []Check{noted("tray", "no session bus, so there is no tray: "+platform.Plain(err), "start the desktop's session with dbus-run-session or a display manager")}
	}
	switch owned, err := bus.HasOwner(ctx, address, watcherName); {
	case err != nil:
		return []Check{noted("tray", "the session bus does not answer: "+platform.Plain(err), "log in to the desktop again")}
	case !owned:
		return []Check{noted("tray", "this desktop's panel shows no icons of programs",
			"on GNOME: install gnome-shell-extension-appindicator; elsewhere add a status tray to the panel; without one: keybroker status")}
	}
	return []Check{fine("tray", "the panel shows icons of programs")}
}

// checkDesktopVersion compares keybroker-desktop, which an upgrade may have left behind.
func (p *Patient) checkDesktopVersion(ctx context.Context) []Check {
	window, err := ways.WindowProgram(p.Config.Confirm.Window)
	if err != nil {
		return nil
	}
	if _, err := os.Stat(window); err != nil { // the broker asks in another way: see "prompt"
		return nil
	}
	out, err := platform.Command(ctx, window, "version").Output()
	switch version := platform.Escape(strings.TrimSpace(string(out)), maxText); {
	case err != nil:
		return []Check{noted("desktop", window+" does not say its version", "install keybroker and keybroker-desktop of one version")}
	case version != p.Version:
		return []Check{noted("desktop", fmt.Sprintf("keybroker-desktop is version %s, and this command is %s", version, p.Version), "install both of one version")}
	default:
		return []Check{fine("desktop", "keybroker-desktop is version "+version)}
	}
}
