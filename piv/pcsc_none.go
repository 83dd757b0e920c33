//go:build nopcsc || (!windows && (!cgo || !(linux || darwin)))

package piv

// CompiledIn reports whether this program supports cards. That needs cgo on Linux and
// macOS, and libpcsclite-dev on Linux.
const CompiledIn = false

// service replaces the PC/SC service in a program without card support.
type service struct{}

func (service) establish() (pcscContext, error) { return nil, ErrNotCompiledIn }
