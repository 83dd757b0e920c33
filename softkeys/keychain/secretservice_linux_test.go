package keychain_test

import (
	"bytes"
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/keybroker/keybroker/softkeys/keychain"
	"github.com/keybroker/keybroker/softkeys/softkeystest"
)

var names = keychain.Attributes{"service": "keybroker", "kind": "age-identity", "vault": "test"}

func TestStoreLoadDelete(t *testing.T) {
	bus := softkeystest.StartBus(t, true)
	bus.StartKeyring()
	k := keychain.SecretService{Address: bus.Address}
	ctx := t.Context()
	if err := k.Available(ctx); err != nil {
		t.Fatal(err)
	}
	if _, err := k.Load(ctx, names); !errors.Is(err, keychain.ErrNotFound) {
		t.Fatalf("an empty keyring: %v", err)
	}
	for _, secret := range []string{"first\x00binary", "exactly 16 bytes", "second, replaced"} {
		if err := k.Store(ctx, names, []byte(secret)); err != nil {
			t.Fatal(err)
		}
		if got, err := k.Load(ctx, names); err != nil || string(got) != secret {
			t.Fatalf("stored %q, loaded %q, %v", secret, got, err)
		}
	}
	if got := lookup(t, bus); got != "second, replaced" {
		t.Errorf("secret-tool finds %q", got)
	}
	if err := k.Delete(ctx, names); err != nil {
		t.Fatal(err)
	}
	if err := k.Delete(ctx, names); !errors.Is(err, keychain.ErrNotFound) {
		t.Errorf("the second delete: %v", err)
	}
}

// lookup asks another implementation of the client.
func lookup(t *testing.T, bus *softkeystest.Bus) string {
	t.Helper()
	cmd := exec.Command("secret-tool", "lookup", "service", "keybroker", "vault", "test")
	cmd.Env = append(os.Environ(), "DBUS_SESSION_BUS_ADDRESS="+bus.Address)
	out, err := cmd.Output()
	if err != nil {
		t.Errorf("secret-tool (make deps): %v", err)
	}
	return string(out)
}

func TestLocked(t *testing.T) {
	bus := softkeystest.StartBus(t, true)
	bus.StartKeyring()
	k := keychain.SecretService{Address: bus.Address}
	ctx := t.Context()
	if err := k.Store(ctx, names, []byte("secret")); err != nil {
		t.Fatal(err)
	}
	bus.LockKeyring()
	if err := k.Available(ctx); !errors.Is(err, keychain.ErrLocked) {
		t.Errorf("Available: %v", err)
	}
	if _, err := k.Load(ctx, names); !refused(err) {
		t.Errorf("Load: %v", err)
	}
	if err := k.Store(ctx, names, []byte("other")); !refused(err) {
		t.Errorf("Store: %v", err)
	}
}

// refused: without a display the service dismisses its own prompt.
func refused(err error) bool {
	return errors.Is(err, keychain.ErrDismissed) || errors.Is(err, keychain.ErrLocked)
}

// TestKilled: the bus starts another daemon, which has no open keyring.
func TestKilled(t *testing.T) {
	bus := softkeystest.StartBus(t, true)
	bus.StartKeyring()
	k := keychain.SecretService{Address: bus.Address}
	ctx := t.Context()
	if err := k.Store(ctx, names, []byte("secret")); err != nil {
		t.Fatal(err)
	}
	bus.KillKeyring()
	if _, err := k.Load(ctx, names); !refused(err) {
		t.Fatalf("after the daemon was killed: %v", err)
	}
	bus.KillKeyring()
	bus.StartKeyring()
	if got, err := k.Load(ctx, names); err != nil || string(got) != "secret" {
		t.Errorf("after it was started and unlocked again: %q, %v", got, err)
	}
}

// TestNeverSetUp is a daemon that the bus started for a user without keyring.
func TestNeverSetUp(t *testing.T) {
	bus := softkeystest.StartBus(t, true)
	k := keychain.SecretService{Address: bus.Address}
	for what, err := range map[string]error{
		"Available": k.Available(t.Context()),
		"Store":     k.Store(t.Context(), names, []byte("secret")),
	} {
		if !refused(err) && !errors.Is(err, keychain.ErrAbsent) {
			t.Errorf("%s: %v", what, err)
		}
	}
}

func TestAbsent(t *testing.T) {
	empty := softkeystest.StartBus(t, false)
	for name, env := range map[string][2]string{
		"no service":  {empty.Address, ""},
		"no bus":      {"", t.TempDir()},
		"no address":  {"", ""},
		"dead bus":    {"unix:path=/nonexistent", ""},
		"autolaunch":  {"autolaunch:", ""},
		"wrong words": {"nonsense", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Setenv("DBUS_SESSION_BUS_ADDRESS", env[0])
			t.Setenv("XDG_RUNTIME_DIR", env[1])
			k := keychain.System(t.TempDir())
			if err := k.Available(t.Context()); !errors.Is(err, keychain.ErrAbsent) {
				t.Errorf("Available: %v", err)
			}
			if _, err := k.Load(t.Context(), names); !errors.Is(err, keychain.ErrAbsent) {
				t.Errorf("Load: %v", err)
			}
		})
	}
}

// TestRuntimeDir finds the bus of a systemd session, which sets no address.
func TestRuntimeDir(t *testing.T) {
	bus := softkeystest.StartBus(t, true)
	bus.StartKeyring()
	t.Setenv("XDG_RUNTIME_DIR", bus.Home) // its socket is called "bus" there
	for _, address := range []string{"", "autolaunch:"} {
		t.Setenv("DBUS_SESSION_BUS_ADDRESS", address)
		if err := keychain.System("").Available(t.Context()); err != nil {
			t.Errorf("with the address %q: %v", address, err)
		}
	}
}

// TestNotInClear watches the bus while a secret crosses it.
func TestNotInClear(t *testing.T) {
	bus := softkeystest.StartBus(t, true)
	bus.StartKeyring()
	seen, err := os.Create(filepath.Join(t.TempDir(), "seen"))
	if err != nil {
		t.Fatal(err)
	}
	defer seen.Close()
	monitor := exec.Command("dbus-monitor", "--address", bus.Address, "--pcap")
	monitor.Stdout = seen
	if err := monitor.Start(); err != nil {
		t.Fatalf("%v\nmake deps", err)
	}
	defer monitor.Wait()
	defer monitor.Process.Kill()
	k := keychain.SecretService{Address: bus.Address}
	secret := []byte("AGE-SECRET-KEY-1SECRET")
	for end := time.Now().Add(20 * time.Second); ; { // it does not say when it is ready
		if err := k.Store(t.Context(), names, secret); err != nil {
			t.Fatal(err)
		}
		if _, err := k.Load(t.Context(), names); err != nil {
			t.Fatal(err)
		}
		traffic, _ := os.ReadFile(seen.Name())
		if bytes.Contains(traffic, secret) {
			t.Fatal("the secret crossed the bus in clear")
		}
		if bytes.Contains(traffic, []byte("CreateItem")) &&
			bytes.Count(traffic, []byte("GetSecret")) > 1 { // so the first answer is there too
			return
		}
		if time.Now().After(end) {
			t.Fatalf("the monitor saw %d bytes", len(traffic))
		}
	}
}

// TestCancelled: a service that does not answer is waited for until ctx ends.
func TestCancelled(t *testing.T) {
	bus := softkeystest.StartBus(t, true)
	bus.StartKeyring()
	k := keychain.SecretService{Address: bus.Address}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := k.Load(ctx, names); !errors.Is(err, context.Canceled) {
		t.Errorf("Load: %v", err)
	}
}
