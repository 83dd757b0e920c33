package ways

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"time"
)

// killDelay is how long a prompt program that was killed may hold its pipes.
const killDelay = time.Second

// passedOn are the variables that a prompt program needs to find the display,
// the person's language and the size of the letters. None of them names code
// to load, and no other variable of the daemon reaches the program.
var passedOn = []string{
	"DISPLAY", "WAYLAND_DISPLAY", "XAUTHORITY", "DBUS_SESSION_BUS_ADDRESS",
	"XDG_RUNTIME_DIR", "XDG_SESSION_TYPE", "XDG_CURRENT_DESKTOP",
	"HOME", "PATH", "TERM", "GPG_TTY",
	"LANG", "LANGUAGE", "LC_ALL", "LC_CTYPE", "LC_MESSAGES",
	"QT_QPA_PLATFORM", "QT_SCALE_FACTOR", "QT_FONT_DPI", "QT_AUTO_SCREEN_SCALE_FACTOR",
	"GDK_SCALE", "GDK_DPI_SCALE", "GTK_THEME",
}

// passedOnWindows are those without which no Windows program starts.
var passedOnWindows = []string{"SystemRoot", "TEMP", "USERPROFILE", "APPDATA", "LOCALAPPDATA"}

// childEnv is the environment of a prompt program: what passedOn names, and more.
func childEnv(env func(string) string, more ...string) []string {
	names := passedOn
	if runtime.GOOS == "windows" {
		names = append(names[:len(names):len(names)], passedOnWindows...)
	}
	var list []string
	for _, name := range names {
		if value := env(name); value != "" {
			list = append(list, name+"="+value)
		}
	}
	if env("DBUS_SESSION_BUS_ADDRESS") == "" && !hasUserBus(env("XDG_RUNTIME_DIR")) {
		// A toolkit would start a bus of its own, and leave it behind.
		list = append(list, "DBUS_SESSION_BUS_ADDRESS=disabled:")
	}
	if env("QT_QPA_PLATFORM") == "" && onlyWayland(env) {
		list = append(list, "QT_QPA_PLATFORM=wayland") // Qt 5 by itself tries X11 alone
	}
	return append(list, more...)
}

// hasUserBus says whether libdbus finds the session bus without being told.
func hasUserBus(runtimeDir string) bool {
	_, err := os.Stat(filepath.Join(runtimeDir, "bus"))
	return runtimeDir != "" && err == nil
}

// command prepares a prompt program in a process group of its own, all of
// which is killed when ctx ends. Its standard error is
// dropped: it may quote what was typed.
func command(ctx context.Context, path string, env []string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, path, args...)
	cmd.Env = env
	cmd.WaitDelay = killDelay
	ownGroup(cmd)
	cmd.Cancel = func() error { return killGroup(cmd) }
	return cmd
}

// ctype is the locale that decides how a program decodes our UTF-8.
func ctype(env func(string) string) string {
	for _, name := range []string{"LC_ALL", "LC_CTYPE", "LANG"} {
		if value := env(name); value != "" && !strings.ContainsAny(value, " \n\r%") {
			return value
		}
	}
	return "C.UTF-8"
}
