package ways

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"github.com/keybroker/keybroker/platform"
)

// killDelay is how long a killed prompt program may keep its pipes open.
const killDelay = time.Second

// passedEnv lists the variables that a prompt program needs for the display, the
// person's language and the font size. None of them names code to load, and no other
// variable of the daemon is passed on.
var passedEnv = []string{
	"DISPLAY", "WAYLAND_DISPLAY", "XAUTHORITY", "DBUS_SESSION_BUS_ADDRESS",
	"XDG_RUNTIME_DIR", "XDG_SESSION_TYPE", "XDG_CURRENT_DESKTOP",
	"HOME", "PATH", "TERM", "GPG_TTY",
	"LANG", "LANGUAGE", "LC_ALL", "LC_CTYPE", "LC_MESSAGES",
	"QT_SCALE_FACTOR", "QT_FONT_DPI", "QT_AUTO_SCREEN_SCALE_FACTOR",
	"GDK_SCALE", "GDK_DPI_SCALE", "GTK_THEME",
}

// passedEnvWindows lists the variables without which no Windows program starts.
var passedEnvWindows = []string{"SystemRoot", "TEMP", "USERPROFILE", "APPDATA", "LOCALAPPDATA"}

// childEnv is the environment of a prompt program: passedEnv, and more.
func childEnv(env func(string) string, more ...string) []string {
	names := passedEnv
	if runtime.GOOS == "windows" {
		names = append(names[:len(names):len(names)], passedEnvWindows...)
	}
	var list []string
	for _, name := range names {
		if value := env(name); value != "" {
			list = append(list, name+"="+value)
		}
	}
	if env("DBUS_SESSION_BUS_ADDRESS") == "" && !hasUserBus(env("XDG_RUNTIME_DIR")) {
		// A toolkit would start another bus and leave it running.
		list = append(list, "DBUS_SESSION_BUS_ADDRESS=disabled:")
	}
	list = append(list, qtPlatform(env)...)
	return append(list, more...)
}

// hasUserBus reports whether libdbus finds the session bus without the variable.
func hasUserBus(runtimeDir string) bool {
	_, err := os.Stat(filepath.Join(runtimeDir, "bus"))
	return runtimeDir != "" && err == nil
}

// command prepares a prompt program in a new process group, which is killed when ctx
// ends. Its standard error is dropped: it may quote what was typed.
func command(ctx context.Context, path string, env []string, args ...string) *exec.Cmd {
	cmd := platform.Command(ctx, path, args...)
	cmd.Env = env
	cmd.WaitDelay = killDelay
	newSession(cmd)
	cmd.Cancel = func() error { return killGroup(cmd) }
	return cmd
}

// localeOf is the locale by which a program decodes our UTF-8.
func localeOf(env func(string) string) string {
	for _, name := range []string{"LC_ALL", "LC_CTYPE", "LANG"} {
		if value := env(name); value != "" && !strings.ContainsAny(value, " \n\r%") {
			return value
		}
	}
	return "C.UTF-8"
}
