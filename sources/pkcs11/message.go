package pkcs11

import (
	"context"
	"encoding/binary"
	"fmt"

	"github.com/keybroker/keybroker/keys/publickey"
	"github.com/keybroker/keybroker/problem"
	"golang.org/x/crypto/ssh"
)

// Message numbers of the helper's protocol, a subset of the agent protocol
// (OpenSSH, ssh-pkcs11-client.c).
const (
	numIdentities   = 12
	numSignRequest  = 13
	numSignResponse = 14
	numAddToken     = 20
	numRemoveToken  = 21
)

// tokenKey is a key as the helper lists it.
type tokenKey struct {
	public ssh.PublicKey
	label  string
}

// load makes the helper open the library. unusable describes the keys that
// cannot be used.
func (h *helper) load(ctx context.Context, path string, pin []byte) (list []tokenKey, unusable []string, err error) {
	answer, err := h.ask(ctx, tokenMessage(numAddToken, path, pin))
	if err != nil {
		return nil, nil, err
	}
	if answer[0] != numIdentities {
		return nil, nil, problem.New("the library gives no keys", "check the PIN and that the token is there: pkcs11-tool --module LIBRARY -O")
	}
	return parseKeys(answer[1:])
}

// tokenMessage allocates the full size at once, so that no copy of the PIN remains.
func tokenMessage(number byte, path string, pin []byte) []byte {
	b := make([]byte, 0, 1+4+len(path)+4+len(pin))
	b = binary.BigEndian.AppendUint32(append(b, number), uint32(len(path)))
	b = binary.BigEndian.AppendUint32(append(b, path...), uint32(len(pin)))
	return append(b, pin...)
}

func parseKeys(rest []byte) (list []tokenKey, unusable []string, err error) {
	var count struct {
		N    uint32
		Rest []byte `ssh:"rest"`
	}
	if err := ssh.Unmarshal(rest, &count); err != nil || count.N > maxKeys {
		return nil, nil, fmt.Errorf("the helper's list cannot be read: %d keys: %w", count.N, err)
	}
	rest = count.Rest
	for range count.N {
		var one struct {
			Blob  []byte
			Label string
			Rest  []byte `ssh:"rest"`
		}
		if err := ssh.Unmarshal(rest, &one); err != nil {
			return nil, nil, fmt.Errorf("the helper's list cannot be read: %w", err)
		}
		rest = one.Rest
		public, err := publickey.Parse(one.Blob)
		if err != nil { // an unusable key does not hide the others
			unusable = append(unusable, "a key of "+publickey.Describe(one.Blob))
			continue
		}
		list = append(list, tokenKey{public, one.Label})
	}
	return list, unusable, nil
}
