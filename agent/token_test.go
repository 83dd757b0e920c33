package agent

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/keybroker/keybroker/keys/publickey"
	"github.com/keybroker/keybroker/wire"
)

// Certificates for a token are taken whatever their key and their authority;
// plain keys among them are passed over.
func TestCertificatesOfATokenOfEveryKind(t *testing.T) {
	sent := wire.AssociatedCerts{Only: true}
	for _, name := range []string{"composite-cert.pub", "plain.pub", "plain-cert.pub"} {
		line, err := os.ReadFile(filepath.Join("../keys/publickey/testdata", name))
		if err != nil {
			t.Fatal(err)
		}
		key, _, _, _, err := publickey.ParseLine(line)
		if err != nil {
			t.Fatal(err)
		}
		sent.Blobs = append(sent.Blobs, key.Marshal())
	}
	list, only, err := certificates(sent.Marshal())
	if err != nil || !only || len(list) != 2 || list[0].Type() != publickey.MLDSA44Ed25519Certificate {
		t.Errorf("%v, %v, %v", list, only, err)
	}
}
