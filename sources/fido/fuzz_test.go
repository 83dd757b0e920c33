package fido

import (
	"testing"

	"golang.org/x/crypto/ssh"
)

// FuzzHelper: no answer of a helper does harm, and a signature is one or an error.
func FuzzHelper(f *testing.F) {
	signature := ssh.Marshal(ssh.Signature{Format: ssh.KeyAlgoSKED25519, Blob: make([]byte, 64), Rest: []byte{1, 0, 0, 0, 5}})
	f.Add(ssh.Marshal(struct{ Signature []byte }{signature}))
	f.Add([]byte{0, 0, 0, 43})
	f.Fuzz(func(t *testing.T, answer []byte) {
		if signature, err := parseSignature(answer); (signature == nil) != (err != nil) {
			t.Fatalf("%v, %v", signature, err)
		}
		for _, withPIN := range []bool{true, false} {
			if helperFault(answer, withPIN) == nil {
				t.Fatal("a fault that is none")
			}
		}
	})
}
