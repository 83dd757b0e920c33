//go:build nopcsc || !((linux && (386 || amd64 || arm || arm64 || loong64 || ppc64le || riscv64)) || ((darwin || windows) && (amd64 || arm64)))

package piv

// CompiledIn reports whether this program can talk to cards at all.
const CompiledIn = false

// service replaces the PC/SC service in a program without card support.
type service struct{}

func (service) establish() (pcscContext, error) { return nil, ErrNotCompiledIn }

func (service) arrival() (*arrival, error) { return nil, ErrNotCompiledIn }
