package claims

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/keybroker/keybroker/keys"
	"github.com/keybroker/keybroker/platform"
)

// Limits of the file, which any program of the user can write.
const (
	maxFile   = 16 << 20 // bytes: maxClaims with every text at its limit
	maxClaims = 8_000
	fileMode  = 0o600
	dirMode   = 0o700
)

// file is the contents of the file.
type file struct {
	Claims map[string]keys.Claim `json:"claims"` // by fingerprint
}

// Read returns the claims in a file, without the log: for commands while no broker runs. A
// missing file has none.
func Read(path string) (map[string]keys.Claim, error) { return read(path) }

func read(path string) (map[string]keys.Claim, error) {
	none := map[string]keys.Claim{}
	data, err := platform.ReadPrivate(path, maxFile)
	if errors.Is(err, fs.ErrNotExist) {
		return none, nil
	}
	if err != nil {
		return none, err
	}
	var f file
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&f); err != nil {
		return none, err
	}
	if len(f.Claims) > maxClaims {
		return none, fmt.Errorf("it has claims about %d keys, more than %d", len(f.Claims), maxClaims)
	}
	for fingerprint, claim := range f.Claims {
		if !keys.IsFingerprint(fingerprint) {
			return none, fmt.Errorf("%.64q is not the fingerprint of a key", fingerprint)
		}
		if err := claim.Check(); err != nil {
			return none, err
		}
	}
	if f.Claims == nil {
		return none, nil
	}
	return f.Claims, nil
}

func write(path string, claims map[string]keys.Claim) error {
	data, err := json.MarshalIndent(file{claims}, "", "  ")
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(path), dirMode); err != nil {
		return err
	}
	return platform.WriteFileAtomic(path, append(data, '\n'), fileMode)
}

// digestOf is the SHA-256 of the claims in JSON, whose fields and keys have one order.
func digestOf(claims map[string]keys.Claim) string {
	data, err := json.Marshal(claims)
	if err != nil { // a time beyond the year 9999, which nothing here makes
		return ""
	}
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:])
}
