package pivtest

import (
	"bytes"
	"crypto"
	"crypto/x509"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// stateFile is in Config.Dir. Its keys are in clear: they are for tests.
const stateFile = "card.json"

// state is what a card keeps without power.
type state struct {
	Character       string
	Serial          uint32
	PIN, PUK        secret
	Management      managementKey
	Objects         objects
	Slots           map[byte]*slotKey
	AttestationRoot []byte // DER
	IssuerKey       []byte // PKCS 8: the authority that signs this card's certificates
	IssuerDER       []byte

	saved []byte // as it is in the file
}

// newState is a card before anything was put on it.
func newState(ch Character, serial uint32) *state {
	s := &state{
		Character:  ch.Name,
		Serial:     serial,
		PIN:        newSecret(DefaultPIN, 3),
		PUK:        newSecret(DefaultPUK, 3),
		Management: managementKey{ch.ManagementKey, DefaultManagementKey(), TouchNever, true},
		Objects:    objects{},
		Slots:      map[byte]*slotKey{},
	}
	s.Objects.put(objDiscovery, discovery(ch))
	return s
}

// discovery is the Discovery Object (SP 800-73-5 part 1, section 3.3.2): which PIN to ask for.
func discovery(ch Character) []byte {
	usage := []byte{0x40, 0x00} // the application's PIN
	if ch.GlobalPIN {
		usage = []byte{0x60, 0x20} // both satisfy, the global one is primary
	}
	return bytes.Join([][]byte{tlv(0x4f, []byte(aidPIV)), tlv(0x5f2f, usage)}, nil)
}

// manufacture fills a new card.
func (c *Card) manufacture(serial uint32) error {
	if serial == 0 {
		serial = binary.BigEndian.Uint32(random(4)) >> 8 // eight digits, as on the real ones
	}
	c.state = newState(c.character, serial)
	if c.character.Yubico {
		return c.addAttestation()
	}
	return c.issueGovernment()
}

// load takes up the state in the directory. False: there is none.
func (c *Card) load() (bool, error) {
	if c.dir == "" {
		return false, nil
	}
	b, err := os.ReadFile(filepath.Join(c.dir, stateFile))
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("pivtest: load card: %w", err)
	}
	c.state = &state{saved: b}
	if err := json.Unmarshal(b, c.state); err != nil {
		return false, fmt.Errorf("pivtest: load card: %w", err)
	}
	if c.state.Character != c.character.Name {
		return false, fmt.Errorf("pivtest: the card in %s is a %s", c.dir, c.state.Character)
	}
	for slot, k := range c.state.Slots {
		if k.private, err = parseKey(k.PKCS8); err != nil {
			return false, fmt.Errorf("pivtest: key of slot %x: %w", slot, err)
		}
	}
	return true, nil
}

func parseKey(der []byte) (crypto.Signer, error) {
	key, err := x509.ParsePKCS8PrivateKey(der)
	if err != nil {
		return nil, err
	}
	signer, ok := key.(crypto.Signer)
	if !ok {
		return nil, errKey
	}
	return signer, nil
}

// save writes the state to the directory if it has changed. mu is held.
func (c *Card) save() error {
	if c.dir == "" {
		return nil
	}
	b, err := json.MarshalIndent(c.state, "", "\t")
	if err != nil || bytes.Equal(b, c.state.saved) {
		return err
	}
	if err := os.MkdirAll(c.dir, 0o700); err != nil {
		return fmt.Errorf("pivtest: save card: %w", err)
	}
	name := filepath.Join(c.dir, stateFile)
	if err := os.WriteFile(name+".new", b, 0o600); err != nil {
		return fmt.Errorf("pivtest: save card: %w", err)
	}
	c.state.saved = b
	return os.Rename(name+".new", name)
}
