package plan

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/keybroker/keybroker/platform"
	"github.com/keybroker/keybroker/problem"
)

// maxPlanFile bounds a plan file, in bytes: maxPlaces with their differences.
const maxPlanFile = 64 << 20

// Encode writes a plan as people approve it.
func Encode(p Plan) ([]byte, error) {
	data, err := json.Marshal(p)
	if err != nil {
		return nil, err
	}
	var written Plan // with what JSON makes of bytes that are no text
	if err := json.Unmarshal(data, &written); err != nil {
		return nil, err
	}
	data, err = json.MarshalIndent(written, "", "  ")
	return append(data, '\n'), err
}

// ReadFile reads a plan file. It returns its bytes, which approvals are about, and their
// SHA-256 in hex.
func ReadFile(path string) (p Plan, data []byte, sum string, err error) {
	data, err = platform.ReadRegular(path, maxPlanFile)
	if err != nil {
		return p, nil, "", err
	}
	p, err = Decode(data)
	if err != nil {
		return p, nil, "", problem.WithDefault(fmt.Errorf("%s is not a plan that can be applied: %w", path, err), "make it anew: keybroker plan --help")
	}
	hash := sha256.Sum256(data)
	return p, data, hex.EncodeToString(hash[:]), nil
}

// Decode reads a plan strictly: a field that this program does not know would be
// approved and not carried out. So would one of two fields with the same name, in any
// case of letters: the bytes must be those that Encode writes.
func Decode(data []byte) (p Plan, err error) {
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&p); err != nil {
		return p, err
	}
	if _, err := decoder.Token(); err != io.EOF {
		return p, errors.New("something follows the plan")
	}
	if err := p.Check(); err != nil {
		return p, err
	}
	if same, err := Encode(p); err != nil || !bytes.Equal(same, data) {
		return p, errors.New("it is not as keybroker wrote it: another layout, or a field twice")
	}
	return p, nil
}
