//go:build linux

package main

import (
	"os"
	"path/filepath"
	"strings"

	"github.com/keybroker/keybroker/desktop/waylandtest"
	"github.com/rogpeppe/go-internal/testscript"
)

// cmdSway is
//
//	sway start       a Wayland desktop with XWayland
//	sway bare        a Wayland desktop without it
//	sway shot FILE   a screenshot
//
// There, "hands KEY …" presses keys of a virtual keyboard of the compositor.
func cmdSway(ts *testscript.TestScript, neg bool, args []string) {
	r := rigOf(ts)
	switch {
	case neg || len(args) == 0:
		ts.Fatalf("usage: sway start|bare | sway shot FILE")
	case args[0] == "shot":
		r.sway.Screenshot(r.t, ts.MkAbs(args[1]))
	default:
		buildWindow(ts)
		r.sway = waylandtest.Start(r.t, args[0] == "start")
		for _, name := range []string{"DISPLAY", "WAYLAND_DISPLAY"} {
			ts.Setenv(name, r.sway.Env(name))
		}
		// The socket is in sway's runtime directory; the broker has a different one.
		socket := filepath.Join(r.sway.Env("XDG_RUNTIME_DIR"), r.sway.Env("WAYLAND_DISPLAY"))
		link := filepath.Join(r.run, r.sway.Env("WAYLAND_DISPLAY"))
		_ = os.Remove(link) // to the previous one's
		ts.Check(os.Symlink(socket, link))
	}
}

// sitOnWayland presses keys if a prompt has the keyboard.
func sitOnWayland(r *rig, keys []string) {
	for _, w := range r.sway.Windows(r.t) {
		if w.Focused && strings.HasPrefix(w.Title, "keybroker") {
			r.sway.Keys(r.t, keys...)
		}
	}
}
