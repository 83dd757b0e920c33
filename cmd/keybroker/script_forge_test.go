//go:build linux

package main

import (
	"github.com/keybroker/keybroker/lifecycle/forge/forgetest"
	"github.com/rogpeppe/go-internal/testscript"
)

// cmdForge is "forge": a stand-in for Gitea with the keys of one account, at $FORGE.
func cmdForge(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 0 {
		ts.Fatalf("usage: forge")
	}
	f := forgetest.Start()
	rigOf(ts).onEnd(f.Close)
	ts.Setenv("FORGE", f.URL)
}
