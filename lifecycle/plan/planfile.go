package plan

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"

	"github.com/keybroker/keybroker/platform"
	"github.com/keybroker/keybroker/problem"
)

// maxPlanFile bounds a plan file, in bytes: maxPlaces with their differences.
const maxPlanFile = 64 << 20

// Encode writes a plan as people approve it.
func Encode(p Plan) ([]byte, error) {
	data, err := json.MarshalIndent(p, "", "  ")
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
// approved and not carried out.
func Decode(data []byte) (p Plan, err error) {
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&p); err != nil {
		return p, err
	}
	if _, err := decoder.Token(); err != io.EOF {
		return p, fmt.Errorf("something follows the plan")
	}
	return p, p.Check()
}
