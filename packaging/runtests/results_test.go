//go:build linux

package main

import "testing"

// What is said in several lines is one reason: "root" in any of them has it run by sudo.
func TestReason(t *testing.T) {
	for want, printed := range map[string][]string{
		"not possible; run it as root": {"=== RUN   TestBench\n", "    bench_test.go:12: not possible\n", "        run it as root\n", "--- SKIP: TestBench (0.00s)\n"},
		"needs cards":                  {"    testscript.go:609: WORK=$WORK\n", "        > [!root] skip 'needs root'\n", "        > [!cards] skip 'needs cards'\n", "--- SKIP: TestScripts/card (0.00s)\n"},
		"needs a desktop's programs":   {"    program.go:25: needs a desktop's programs\n", "    testscript.go:609: WORK=$WORK\n", "        > x11 start\n", "--- SKIP: TestScripts/window (0.00s)\n"},
		"it does not say why":          {"--- SKIP: TestX (0.00s)\n"},
	} {
		if got := reason(printed); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}
