package keychain

import (
	"bytes"
	"errors"
	"os"
	"testing"
)

// TestDPAPI is as good as the DPAPI under it: wine's is not Windows'.
func TestDPAPI(t *testing.T) {
	dir, err := os.MkdirTemp("", "vault") // wine 8 cannot remove the files of a t.TempDir
	if err != nil {
		t.Fatal(err)
	}
	defer os.Remove(dir)
	chain := dpapi{dir}
	names, secret := Attributes{"vault": "0123"}, []byte("a secret that nobody reads")
	if got, err := chain.Load(t.Context(), names); !errors.Is(err, ErrNotFound) {
		t.Errorf("%q, %v", got, err)
	}
	if err := chain.Store(t.Context(), names, secret); err != nil {
		t.Fatal(err)
	}
	if got, err := chain.Load(t.Context(), names); err != nil || !bytes.Equal(got, secret) {
		t.Errorf("%q, %v", got, err)
	}
	sealed, err := os.ReadFile(chain.file(names))
	if err != nil || bytes.Contains(sealed, secret) {
		t.Errorf("the file has the secret in it, %v", err)
	}
	other := Attributes{"vault": "4567"}
	if err := os.Rename(chain.file(names), chain.file(other)); err != nil {
		t.Fatal(err)
	}
	if got, err := chain.Load(t.Context(), other); err == nil {
		t.Errorf("another vault's secret was opened: %q", got)
	}
	if err := errors.Join(chain.Delete(t.Context(), other), os.WriteFile(chain.file(names), sealed[:len(sealed)-1], 0o600)); err != nil {
		t.Fatal(err)
	}
	if got, err := chain.Load(t.Context(), names); err == nil {
		t.Errorf("a damaged file was opened: %q", got)
	}
	if err := chain.Delete(t.Context(), names); err != nil {
		t.Error(err)
	}
}
