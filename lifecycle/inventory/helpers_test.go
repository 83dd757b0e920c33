package inventory

import (
	"encoding/pem"
	"testing"
)

func mustDecode(t *testing.T, content []byte) []byte {
	t.Helper()
	block, _ := pem.Decode(content)
	if block == nil {
		t.Fatal("not PEM")
	}
	return block.Bytes
}
