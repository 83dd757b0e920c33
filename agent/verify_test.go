package agent

import (
	"crypto/rand"
	"testing"

	"golang.org/x/crypto/ssh"
)

func TestFaultySignaturesDoNotPass(t *testing.T) {
	for name, private := range privateKeys(t) {
		signer, err := ssh.NewSignerFromKey(private)
		if err != nil {
			t.Fatal(err)
		}
		algorithm := signer.PublicKey().Type()
		if name == "rsa" {
			algorithm = ssh.KeyAlgoRSASHA256
		}
		signature, err := signer.(ssh.AlgorithmSigner).SignWithAlgorithm(rand.Reader, []byte("data"), algorithm)
		if err != nil {
			t.Fatal(err)
		}
		if err := verify(signer.PublicKey(), []byte("data"), signature, algorithm); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if err := verify(signer.PublicKey(), []byte("other data"), signature, algorithm); err == nil {
			t.Errorf("%s: other data passes", name)
		}
		if err := verify(signer.PublicKey(), []byte("data"), signature, "ssh-other"); err == nil {
			t.Errorf("%s: another algorithm passes", name)
		}
		for i := range signature.Blob {
			signature.Blob[i] ^= 1
			if err := verify(signer.PublicKey(), []byte("data"), signature, algorithm); err == nil {
				t.Errorf("%s: passes with a changed byte %d", name, i)
			}
			signature.Blob[i] ^= 1
		}
	}
}
