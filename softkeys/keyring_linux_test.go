package softkeys

import (
	"errors"
	"testing"

	"github.com/keybroker/keybroker/softkeys/keychain"
	"github.com/keybroker/keybroker/softkeys/softkeystest"
)

// TestGnomeKeyring takes a store through the life of a real keyring.
func TestGnomeKeyring(t *testing.T) {
	bus := softkeystest.StartBus(t, true)
	bus.StartKeyring()
	config := Config{Dir: t.TempDir(), Keychain: keychain.SecretService{Address: bus.Address}}
	info := generate(t, NewStore(config), "a")
	s := NewStore(config)
	if s.vault.underPassphrase() {
		t.Fatal("the keyring was not used")
	}
	mustSign(t, s, info)

	bus.LockKeyring()
	mustSign(t, s, info) // it is opened
	s.Forget()
	refuse := func(when string) {
		t.Helper()
		err := trySign(t.Context(), s, info, "")
		if !errors.Is(err, keychain.ErrDismissed) && !errors.Is(err, keychain.ErrLocked) {
			t.Errorf("%s: %v", when, err)
		}
		wantError(t, err, "\nunlock the keyring")
		wantListed(t, s, "a:sealed")
	}
	refuse("locked, and no display for a prompt")
	bus.KillKeyring()
	refuse("killed, and started again by the bus")
	bus.KillKeyring()
	bus.StartKeyring()
	mustSign(t, s, info)
}

// TestNoSecretService: a server has a bus at most.
func TestNoSecretService(t *testing.T) {
	bus := softkeystest.StartBus(t, false)
	config := Config{
		Dir: t.TempDir(), Keychain: keychain.SecretService{Address: bus.Address},
		WorkFactor: testWorkFactor, Person: answer(testPassphrase),
	}
	info := generate(t, NewStore(config), "a")
	s := NewStore(config)
	if !s.vault.underPassphrase() {
		t.Error("where is the secret?")
	}
	mustSign(t, s, info)

	config.Dir, config.Seal = t.TempDir(), SealKeychain
	_, err := NewStore(config).Generate(t.Context(), "a", KeySpec{}, "")
	wantError(t, err, "\nstart a Secret Service")
	if !errors.Is(err, keychain.ErrAbsent) {
		t.Error(err)
	}
}
