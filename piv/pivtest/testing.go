package pivtest

import (
	"fmt"
	"os"
	"path/filepath"
)

// TB is what NewRig and NewCard need of a *testing.T.
type TB interface {
	Helper()
	Fatal(...any)
	Error(...any)
	Cleanup(func())
	Setenv(key, value string)
	Skip(...any)
}

// NeedStack skips a test of the real PC/SC stack where a pcscd of one's own is
// not allowed. That it is not installed is a failure.
func NeedStack(t TB) {
	t.Helper()
	if err := Missing(); err != nil {
		t.Skip(err)
	}
}

// NewRig starts a rig for a test, which fails if that cannot be. It is the
// test's pcscd: programs that the test runs and libpcsclite in its own process
// reach it by the environment. There is one such rig at a time.
func NewRig(t TB, readers ...string) *Rig {
	t.Helper()
	NeedStack(t)
	dir := filepath.Join(os.TempDir(), fmt.Sprintf("pivrig-%d", os.Getpid()))
	r, err := StartRig(RigConfig{Readers: readers, Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := r.Close(); err != nil {
			t.Error(err)
		}
	})
	t.Setenv("PCSCLITE_CSOCK_NAME", r.Socket)
	return r
}

// NewCard makes a card that is kept nowhere.
func NewCard(t TB, character Character) *Card {
	t.Helper()
	c, err := New(Config{Character: character})
	if err != nil {
		t.Fatal(err)
	}
	return c
}
