//go:build !windows && !darwin

package ways

import (
	"errors"
	"net"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// dialTime bounds the connection to the display. A local one answers at once.
const dialTime = time.Second

// windowWaits says that the buttons count only after they have been in sight for a while.
const windowWaits = true

// hasDesktop reports whether somebody may be at a screen.
func hasDesktop(env func(string) string) bool {
	return env("DISPLAY") != "" || env("WAYLAND_DISPLAY") != ""
}

// canShowWindow reports whether keybroker's window can be shown there.
func canShowWindow(env func(string) string) bool { return hasX11(env("DISPLAY")) }

// hasX11 reports whether something listens on the display of that name (X(7),
// "Display names"). On Wayland that is XWayland.
func hasX11(name string) bool {
	host, rest, ok := cutLast(name, ":")
	if !ok {
		return false
	}
	number, _, _ := strings.Cut(rest, ".") // without the screen
	n, err := strconv.Atoi(number)
	if err != nil || n < 0 {
		return false
	}
	switch {
	case filepath.IsAbs(host):
		return listens("unix", host+":"+number) // the socket of launchd has this name
	case host == "" || host == "unix":
		return listens("unix", "/tmp/.X11-unix/X"+number) || listens("unix", "@/tmp/.X11-unix/X"+number)
	}
	const firstPort = 6000
	return listens("tcp", net.JoinHostPort(host, strconv.Itoa(firstPort+n))) // ssh -X
}

// listens is also true while the queue of clients is full: XWayland has room for a
// single one until it has started.
func listens(network, address string) bool {
	conn, err := net.DialTimeout(network, address, dialTime)
	if err != nil {
		return errors.Is(err, syscall.EAGAIN)
	}
	_ = conn.Close()
	return true
}

func cutLast(s, sep string) (before, after string, found bool) {
	i := strings.LastIndex(s, sep)
	if i < 0 {
		return s, "", false
	}
	return s[:i], s[i+len(sep):], true
}
