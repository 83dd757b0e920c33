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
//	sway bare        one without
//	sway shot FILE   a picture of it
//
// On it, "hands KEY …" presses keys of the compositor's own keyboard.
func cmdSway(ts *testscript.TestScript, neg bool, args []string) {
	r := rigOf(ts)
	switch {
	case neg || len(args) == 0:
		ts.Fatalf("usage: sway start|bare | sway shot FILE")
	case args[0] == "shot":
		r.sway.Shot(r.t, ts.MkAbs(args[1]))
	default:
		buildWindow(ts)
		r.sway = waylandtest.Start(r.t, args[0] == "start")
		for _, name := range []string{"DISPLAY", "WAYLAND_DISPLAY"} {
			ts.Setenv(name, r.sway.Env(name))
		}
		// The socket lies in sway's runtime directory; the broker has another one.
		socket := filepath.Join(r.sway.Env("XDG_RUNTIME_DIR"), r.sway.Env("WAYLAND_DISPLAY"))
		link := filepath.Join(r.run, r.sway.Env("WAYLAND_DISPLAY"))
		_ = os.Remove(link) // to the one before
		ts.Check(os.Symlink(socket, link))
	}
}

// sitOnWayland acts on the prompt that has the keyboard, if there is one.
func sitOnWayland(r *rig, keys []string) {
	for _, w := range r.sway.Windows(r.t) {
		if w.Focused && strings.HasPrefix(w.Title, "keybroker") {
			r.sway.Keys(r.t, keys...)
		}
	}
}
