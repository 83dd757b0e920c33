package softkeys

import (
	"os"
	"testing"

	"github.com/keybroker/keybroker/platform/platformtest"
)

// A directory that could not be read for want of descriptors is read again, although
// nothing in it has changed, and the keys that were opened stay open.
func TestListingAfterNoDescriptors(t *testing.T) {
	s, keychain := newStore(t)
	info := generate(t, s, "a")
	s = NewStore(s.vault.config)
	if err := trySign(t.Context(), s, info, ""); err != nil {
		t.Fatal(err)
	}
	settle(t, s)
	loads := keychain.Loads()
	platformtest.WithoutDescriptors(t, func() {
		s.Refresh()
		wantError(t, s.Err(), "list the keys")
	})
	wantListed(t, s, "a")
	if err := trySign(t.Context(), s, info, ""); err != nil || keychain.Loads() != loads {
		t.Errorf("afterwards: %v, with %d more looks into the keychain", err, keychain.Loads()-loads)
	}
}

// A damaged file that is written over leaves the directory's stamps as they were.
func TestDamageMendedInPlace(t *testing.T) {
	s, _ := newStore(t)
	generate(t, s, "a")
	path := s.file("a", ".pub")
	line, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte("no key\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	s = again(s)
	settle(t, s)
	wantDamage(t, s, map[string]string{"a": "a.pub is not a public key"})
	if err := os.WriteFile(path, line, 0o600); err != nil {
		t.Fatal(err)
	}
	wantDamage(t, s, map[string]string{})
}
