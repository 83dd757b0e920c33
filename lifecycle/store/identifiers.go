package store

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"strings"

	"github.com/keybroker/keybroker/lifecycle"
)

// Identifiers are cut from SHA-256. 16 bytes keep the indexes of millions of rows small.
const identifierLen = 16

// identifier is the hash of parts. Each is written with its length, so that no two
// lists of parts are the same bytes.
func identifier(parts ...any) []byte {
	hash := sha256.New()
	for _, part := range parts {
		text := fmt.Append(nil, part)
		if raw, ok := part.([]byte); ok {
			text = raw
		}
		hash.Write(binary.BigEndian.AppendUint64(nil, uint64(len(text))))
		hash.Write(text)
	}
	return hash.Sum(nil)[:identifierLen]
}

// hostID identifies a server by its host key, and where that is not known by name and
// port. This machine is called by its name, because many share the store of a fleet.
func hostID(host lifecycle.Host, machine string) []byte {
	switch {
	case host.Key != "":
		return identifier("host key", host.Key)
	case host.Name == "":
		return identifier("machine", machine)
	}
	return identifier("host name", host.Name, max(host.Port, 22))
}

// keyID is a fingerprint as raw bytes; nil for "".
func keyID(fingerprint string) ([]byte, error) {
	if fingerprint == "" {
		return nil, nil
	}
	digest, sha256Sum := strings.CutPrefix(fingerprint, "SHA256:")
	raw, err := base64.RawStdEncoding.DecodeString(digest)
	if !sha256Sum || err != nil || len(raw) != sha256.Size {
		return nil, fmt.Errorf("%q is not a SHA256 fingerprint", fingerprint)
	}
	return raw, nil
}

func fingerprint(id []byte) string {
	if len(id) == 0 {
		return ""
	}
	return "SHA256:" + base64.RawStdEncoding.EncodeToString(id)
}
