package softkeys

import (
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"sync"
	"testing"

	"filippo.io/age"
)

// Passphrases that are tried at once and one after the other take the memory of one try:
// in a container with 512 MiB two of them had the broker killed.
func TestTriesOfAPassphraseTakeTheMemoryOfOne(t *testing.T) {
	const factor, oneTry = 15, 32 << 20 // scrypt's N is 2^15 and r is 8: 128 * N * r bytes
	v := NewVault(Config{Dir: t.TempDir(), WorkFactor: factor})
	identity, err := age.GenerateX25519Identity()
	if err != nil {
		t.Fatal(err)
	}
	sealed, err := v.encryptIdentity(identity, []byte("right"))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(filepath.Dir(v.config.identityFile()), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(v.config.identityFile(), sealed, 0o600); err != nil {
		t.Fatal(err)
	}
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	var tries sync.WaitGroup
	for range 4 {
		tries.Go(func() {
			if _, err := v.tryPassphrase([]byte("wrong")); !errors.Is(err, errWrongPassphrase) {
				t.Error(err)
			}
		})
	}
	tries.Wait()
	if back, err := v.tryPassphrase([]byte("right")); err != nil || back.String() != identity.String() {
		t.Error("the right passphrase:", err)
	}
	runtime.ReadMemStats(&after)
	if taken := int64(after.HeapSys) - int64(before.HeapSys); taken > 2*oneTry { // less where the collector gave some back
		t.Errorf("the tries took %d MiB of the system; one takes %d", taken>>20, oneTry>>20)
	}
	if kept := after.HeapSys - after.HeapReleased; kept > oneTry {
		t.Errorf("%d MiB are kept after the tries", kept>>20)
	}
}
