package keychain

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
	"math/big"

	"github.com/godbus/dbus/v5"
)

// algorithm is the only encrypted transport of the Secret Service specification
// ("Transfer of Secrets"). It is not authenticated: it hides secrets from a bus
// monitor or a log, not from an attacker on the bus.
const algorithm = "dh-ietf1024-sha256-aes128-cbc-pkcs7"

// The Second Oakley Group (RFC 2409 section 6.2), with generator 2.
const (
	groupBytes = 128
	groupPrime = "FFFFFFFFFFFFFFFFC90FDAA22168C234C4C6628B80DC1CD129024E088A67CC74" +
		"020BBEA63B139B22514A08798E3404DDEF9519B3CD3A431B302B0A6DF25F1437" +
		"4FE1356D6D51C245E485B576625E7EC6F44C42E9A637ED6B0BFF5CB6F406B7ED" +
		"EE386BFB5A899FA5AE9F24117C4B1FE649286651ECE65381FFFFFFFFFFFFFFFF"
)

// secret is the specification's Secret structure, (oayays) on the bus.
type secret struct {
	Session     dbus.ObjectPath
	Parameters  []byte // the IV
	Value       []byte
	ContentType string
}

// exchange is our half of the key agreement.
type exchange struct{ prime, private, public *big.Int }

func newExchange() (*exchange, error) {
	prime, _ := new(big.Int).SetString(groupPrime, 16)
	private, err := rand.Int(rand.Reader, new(big.Int).Sub(prime, big.NewInt(2)))
	if err != nil {
		return nil, fmt.Errorf("make a session key: %w", err)
	}
	private.Add(private, big.NewInt(1))
	return &exchange{prime, private, new(big.Int).Exp(big.NewInt(2), private, prime)}, nil
}

// key agrees on the AES key. The shared secret is padded to the length of the
// prime, as libsecret and gnome-keyring do; unpadded, one session in 256 fails.
func (e *exchange) key(peer []byte) ([]byte, error) {
	public := new(big.Int).SetBytes(peer)
	last := new(big.Int).Sub(e.prime, big.NewInt(1))
	if public.Cmp(big.NewInt(1)) <= 0 || public.Cmp(last) >= 0 {
		return nil, errors.New("the service's public key is out of range")
	}
	shared := new(big.Int).Exp(public, e.private, e.prime).FillBytes(make([]byte, groupBytes))
	defer clear(shared)
	return hkdf.Key(sha256.New, shared, nil, "", aes.BlockSize)
}

func seal(path dbus.ObjectPath, key, plain []byte) (secret, error) {
	block, err := aes.NewCipher(key)
	if err != nil {
		return secret{}, err
	}
	iv := make([]byte, aes.BlockSize)
	if _, err := rand.Read(iv); err != nil {
		return secret{}, err
	}
	pad := aes.BlockSize - len(plain)%aes.BlockSize
	value := append(bytes.Clone(plain), bytes.Repeat([]byte{byte(pad)}, pad)...)
	cipher.NewCBCEncrypter(block, iv).CryptBlocks(value, value)
	return secret{path, iv, value, "text/plain"}, nil
}

// open decrypts in place; the result shares memory with s.Value.
func (s secret) open(key []byte) ([]byte, error) {
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	if len(s.Parameters) != aes.BlockSize || len(s.Value) == 0 || len(s.Value)%aes.BlockSize != 0 {
		return nil, errors.New("the service returned a secret of the wrong length")
	}
	cipher.NewCBCDecrypter(block, s.Parameters).CryptBlocks(s.Value, s.Value)
	pad := int(s.Value[len(s.Value)-1])
	plain := len(s.Value) - pad
	if pad == 0 || pad > aes.BlockSize || !bytes.Equal(s.Value[plain:], bytes.Repeat([]byte{byte(pad)}, pad)) {
		return nil, errors.New("the service returned a secret that does not decrypt")
	}
	return s.Value[:plain], nil
}
