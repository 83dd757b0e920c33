//go:build !linux

package platform

// untraced does nothing: macOS ends a traced process that denies tracing, and on
// Windows a debugger needs no more rights than reading the memory does.
func untraced() error { return nil }
