package pkcs11

import (
	"testing"

	"golang.org/x/crypto/ssh"
)

// FuzzParseKeys: what a helper lists is bounded, and each key of it can be listed again.
func FuzzParseKeys(f *testing.F) {
	list := func(blobs ...string) []byte {
		b := ssh.Marshal(struct{ N uint32 }{uint32(len(blobs))})
		for _, blob := range blobs {
			b = append(b, ssh.Marshal(struct{ Blob, Label string }{blob, "label"})...)
		}
		return b
	}
	ed := string(ssh.Marshal(struct{ Type, Key string }{ssh.KeyAlgoED25519, "0123456789abcdef0123456789abcdef"}))
	f.Add(list())
	f.Add(list(ed, "odd", ed))
	f.Add([]byte{0xff, 0xff, 0xff, 0xff})
	f.Fuzz(func(t *testing.T, answer []byte) {
		keys, unusable, err := parseKeys(answer)
		if err != nil {
			return
		}
		if len(keys)+len(unusable) > maxKeys {
			t.Fatalf("%d keys", len(keys)+len(unusable))
		}
		for _, key := range keys {
			if len(key.public.Marshal()) == 0 {
				t.Fatal("a key without a blob")
			}
		}
	})
}
