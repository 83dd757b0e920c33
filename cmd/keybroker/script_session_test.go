//go:build linux

package main

import (
	"github.com/keybroker/keybroker/platform/session/sessiontest"
	"github.com/rogpeppe/go-internal/testscript"
)

// cmdLogind is "logind start|lock|unlock|sleep|wake|end|stop": what happens to
// a logind on the script's own bus, which is its system bus too from now on.
func cmdLogind(ts *testscript.TestScript, neg bool, args []string) {
	r := rigOf(ts)
	do := map[string]func(){
		"start": func() {
			ts.Setenv("DBUS_SYSTEM_BUS_ADDRESS", r.bus.Address)
			r.logind = sessiontest.StartLogind(r.t, r.bus.Address)
		},
		"lock":   func() { r.logind.Lock(sessiontest.Mine) },
		"unlock": func() { r.logind.Unlock(sessiontest.Mine) },
		"sleep":  func() { r.logind.Sleep() },
		"wake":   func() { r.logind.Wake() },
		"end":    func() { r.logind.End(sessiontest.Mine) },
		"stop":   func() { r.logind.Stop() },
	}
	if neg || len(args) != 1 || do[args[0]] == nil || r.bus == nil {
		ts.Fatalf("usage, after bus: logind start|lock|unlock|sleep|wake|end|stop")
	}
	do[args[0]]()
}

// cmdScreenSaver is "screensaver start|lock|unlock": one on the script's own bus.
func cmdScreenSaver(ts *testscript.TestScript, neg bool, args []string) {
	r := rigOf(ts)
	do := map[string]func(){
		"start":  func() { r.saver = sessiontest.StartScreenSaver(r.t, r.bus.Address, "org.gnome.ScreenSaver") },
		"lock":   func() { r.saver.Set(true) },
		"unlock": func() { r.saver.Set(false) },
	}
	if neg || len(args) != 1 || do[args[0]] == nil || r.bus == nil {
		ts.Fatalf("usage, after bus: screensaver start|lock|unlock")
	}
	do[args[0]]()
}
