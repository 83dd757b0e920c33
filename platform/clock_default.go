//go:build !linux

package platform

// ClockSynchronized is true where the system does not tell.
func ClockSynchronized() bool { return true }
