// Package waylandtest runs an invisible Wayland desktop for tests: sway without
// hardware, with virtual input devices.
package waylandtest
