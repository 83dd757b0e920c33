package pkcs11

import (
	"context"
	"crypto"
	_ "crypto/sha1" // the hashes of schemes
	_ "crypto/sha256"
	_ "crypto/sha512"
	"encoding/asn1"
	"errors"
	"fmt"
	"math/big"

	"github.com/keybroker/keybroker/problem"
	"golang.org/x/crypto/ssh"
)

// sign makes the helper sign data with the key of this blob.
func (h *helper) sign(ctx context.Context, blob, data []byte, algorithm string) (*ssh.Signature, error) {
	var request []byte
	var err error
	if h.newDialect {
		request = ssh.Marshal(struct {
			Blob, Data []byte
			Algorithm  string
			Compat     uint32
		}{blob, data, algorithm, 0})
	} else if request, err = oldRequest(blob, data, algorithm); err != nil {
		return nil, err
	}
	answer, err := h.ask(ctx, append([]byte{numSignRequest}, request...))
	if err != nil {
		return nil, err
	}
	var response struct{ Signature []byte }
	if answer[0] != numSignResponse || ssh.Unmarshal(answer[1:], &response) != nil {
		return nil, problem.New("the token does not sign", "is it still there? load it again: ssh-add -s")
	}
	if h.newDialect {
		signature := new(ssh.Signature)
		if err := ssh.Unmarshal(response.Signature, signature); err != nil {
			return nil, fmt.Errorf("the helper's signature cannot be read: %w", err)
		}
		return signature, nil
	}
	return oldSignature(response.Signature, algorithm)
}

// scheme is how helpers before OpenSSH 10.1 sign: they take the hash, for RSA as a
// DigestInfo (RFC 8017 section 9.2), and return the raw signature.
type scheme struct {
	hash       crypto.Hash
	digestInfo string // what precedes the hash
}

var schemes = map[string]scheme{
	ssh.KeyAlgoRSA:       {crypto.SHA1, "\x30\x21\x30\x09\x06\x05\x2b\x0e\x03\x02\x1a\x05\x00\x04\x14"},
	ssh.KeyAlgoRSASHA256: {crypto.SHA256, "\x30\x31\x30\x0d\x06\x09\x60\x86\x48\x01\x65\x03\x04\x02\x01\x05\x00\x04\x20"},
	ssh.KeyAlgoRSASHA512: {crypto.SHA512, "\x30\x51\x30\x0d\x06\x09\x60\x86\x48\x01\x65\x03\x04\x02\x03\x05\x00\x04\x40"},
	ssh.KeyAlgoECDSA256:  {hash: crypto.SHA256},
	ssh.KeyAlgoECDSA384:  {hash: crypto.SHA384},
	ssh.KeyAlgoECDSA521:  {hash: crypto.SHA512},
}

func oldRequest(blob, data []byte, algorithm string) ([]byte, error) {
	s, known := schemes[algorithm]
	if !known {
		return nil, problem.With(fmt.Errorf("this ssh-pkcs11-helper does not support %s", algorithm), "use the helper of OpenSSH 10.1 or later")
	}
	hash := s.hash.New()
	hash.Write(data)
	return ssh.Marshal(struct {
		Blob, Hash []byte
		Flags      uint32
	}{blob, hash.Sum([]byte(s.digestInfo)), 0}), nil
}

// oldSignature encodes a raw signature as in RFC 4253 section 6.6 and RFC 5656
// section 3.1.2.
func oldSignature(raw []byte, algorithm string) (*ssh.Signature, error) {
	if schemes[algorithm].digestInfo != "" {
		return &ssh.Signature{Format: algorithm, Blob: raw}, nil
	}
	var point struct{ R, S *big.Int }
	if rest, err := asn1.Unmarshal(raw, &point); err != nil || len(rest) > 0 {
		return nil, errors.New("the helper's ECDSA signature cannot be read")
	}
	return &ssh.Signature{Format: algorithm, Blob: ssh.Marshal(point)}, nil
}
