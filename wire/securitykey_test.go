package wire

import (
	"bytes"
	"errors"
	"slices"
	"testing"

	"golang.org/x/crypto/ssh"
)

func TestSecurityKeysAreRead(t *testing.T) {
	text := func(list ...string) (b []byte) {
		for _, s := range list {
			b = appendBytes(b, s)
		}
		return b
	}
	tail := slices.Concat(text("ssh:"), []byte{5}, text("handle", ""))
	for keyType, test := range map[string]struct{ private, blob, public []byte }{
		ssh.KeyAlgoSKED25519:      {slices.Concat(text("A"), tail), text(ssh.KeyAlgoSKED25519, "A", "ssh:"), []byte("A")},
		ssh.KeyAlgoSKECDSA256:     {slices.Concat(text("nistp256", "Q"), tail), text(ssh.KeyAlgoSKECDSA256, "nistp256", "Q", "ssh:"), nil},
		ssh.CertAlgoSKED25519v01:  {slices.Concat(text("certificate", "A"), tail), []byte("certificate"), []byte("A")},
		ssh.CertAlgoSKECDSA256v01: {slices.Concat(text("certificate"), tail), []byte("certificate"), nil},
	} {
		add := AddIdentity{KeyType: keyType, Private: test.private, Comment: "c"}
		key, err := add.SecurityKey()
		if err != nil || !bytes.Equal(key.PublicBlob, test.blob) || !bytes.Equal(key.PublicKey, test.public) || key.Application != "ssh:" || key.Flags != 5 {
			t.Errorf("%s: %+v, %v", keyType, key, err)
		}
		if parsed, err := ParseRequest(add.Marshal()); err != nil || !parsed.(AddIdentity).IsSecurityKey() {
			t.Errorf("%s: %+v, %v", keyType, parsed, err)
		}
		for n := range test.private {
			if _, err := (AddIdentity{KeyType: keyType, Private: test.private[:n]}).SecurityKey(); !errors.Is(err, ErrMalformed) {
				t.Errorf("%s cut to %d: %v", keyType, n, err)
			}
		}
	}
	if plain := (AddIdentity{KeyType: "ssh-ed25519", Private: ed25519Fields}); plain.IsSecurityKey() {
		t.Error("an ordinary key was taken for a security key")
	} else if _, err := plain.SecurityKey(); !errors.Is(err, ErrMalformed) {
		t.Error(err)
	}
}
