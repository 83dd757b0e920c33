//go:build !linux

// Package apart runs tests as if nobody had started them, on Linux.
package apart

import "os"

// Environ is the environment for tests.
func Environ() []string { return os.Environ() }

// Run runs the tests (m.Run).
func Run(tests func() int) int { return tests() }
