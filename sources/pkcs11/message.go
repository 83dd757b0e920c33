package pkcs11

import (
	"context"
	"encoding/binary"
	"fmt"

	"github.com/keybroker/keybroker/keys/publickey"
	"github.com/keybroker/keybroker/problem"
	"golang.org/x/crypto/ssh"
)

// Numbers of the helper's protocol, which is the agent's own with fewer messages
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

// load has the helper open the library. unread names
// the keys that cannot be used.
func (h *helper) load(ctx context.Context, path string, pin []byte) (list []tokenKey, unread []string, err error) {
	answer, err := h.ask(ctx, tokenMessage(numAddToken, path, pin))
	if err != nil {
		return nil, nil, err
	}
	if answer[0] != numIdentities {
		return nil, nil, problem.New("the library gives no keys", "check the PIN and that the token is there: pkcs11-tool --module LIBRARY -O")
	}
	return parseKeys(answer[1:])
}

// tokenMessage is made at its full size at once, so that no copy of the PIN is left.
func tokenMessage(number byte, path string, pin []byte) []byte {
	b := make([]byte, 0, 1+4+len(path)+4+len(pin))
	b = binary.BigEndian.AppendUint32(append(b, number), uint32(len(path)))
	b = binary.BigEndian.AppendUint32(append(b, path...), uint32(len(pin)))
	return append(b, pin...)
}

func parseKeys(rest []byte) (list []tokenKey, unread []string, err error) {
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
		if err != nil { // a kind of key that cannot be used does not hide the others
			unread = append(unread, "a key of "+publickey.Describe(one.Blob))
			continue
		}
		list = append(list, tokenKey{public, one.Label})
	}
	return list, unread, nil
}
