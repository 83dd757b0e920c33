//go:build nopcsc || !((linux && (386 || amd64 || arm || arm64 || loong64 || ppc64le || riscv64)) || ((darwin || windows) && (amd64 || arm64)))

package piv

import "testing"

// A program without smartcard support says so, and works.
func TestBuiltWithoutCards(t *testing.T) {
	if CompiledIn {
		t.Error("cards are said to be compiled in")
	}
	r := Watch(Config{})
	eventually(t, "it is said", func() bool { return r.State().Service == ServiceNone })
	if state := r.State(); state.Why != ErrNotCompiledIn.Error() || r.Cards() != nil {
		t.Errorf("%+v", state)
	}
	if err := r.Close(); err != nil {
		t.Error(err)
	}
}
