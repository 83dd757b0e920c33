package plan

import (
	"encoding/base64"
	"encoding/binary"
	"fmt"

	"github.com/keybroker/keybroker/lifecycle"
	"github.com/keybroker/keybroker/lifecycle/authorized"
	"github.com/keybroker/keybroker/problem"
)

// Line is the key as a line of authorized_keys has it, without options and comment.
func Line(key lifecycle.Key) string {
	return key.Type + " " + base64.StdEncoding.EncodeToString(key.Blob)
}

// Name is what people call the key.
func Name(key lifecycle.Key) string {
	if len(key.Names) > 0 {
		return key.Names[0]
	}
	return key.Fingerprint
}

// checkKey refuses a key whose fields contradict each other: people approve the name
// and the fingerprint, and the blob is what goes onto servers.
func checkKey(key lifecycle.Key) error {
	if len(key.Blob) < 4 {
		return fmt.Errorf("the plan has no key %s", key.Fingerprint)
	}
	n := binary.BigEndian.Uint32(key.Blob)
	if key.Fingerprint != authorized.Fingerprint(key.Blob) || uint64(n)+4 > uint64(len(key.Blob)) || string(key.Blob[4:4+n]) != key.Type {
		return problem.With(fmt.Errorf("the key of the plan is not %s %s", key.Type, key.Fingerprint), "make the plan anew")
	}
	return nil
}

// blobOf decodes a word of a line that is the blob of a key.
func blobOf(word string) ([]byte, bool) {
	blob, err := base64.StdEncoding.DecodeString(word)
	if err != nil || len(blob) < 8 {
		return nil, false
	}
	n := binary.BigEndian.Uint32(blob)
	return blob, n > 0 && n < 64 && int(n)+4 < len(blob)
}
