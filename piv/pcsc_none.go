//go:build nopcsc || (!windows && (!cgo || !(linux || darwin)))

package piv

// CompiledIn says whether this program can talk to cards at all. On Linux and
// macOS that takes cgo, and on Linux libpcsclite-dev.
const CompiledIn = false

// service stands for the PC/SC service in a program that cannot reach it.
type service struct{}

func (service) establish() (pcscContext, error) { return nil, ErrNotCompiledIn }
