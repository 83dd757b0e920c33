package export

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"

	"github.com/keybroker/keybroker/agent/audit"
	"github.com/keybroker/keybroker/platform"
	"github.com/keybroker/keybroker/problem"
)

// maxPosition bounds the file of a position, in bytes.
const maxPosition = 4096

// Position is how far a log was exported: the last record, by its number and hash.
type Position struct {
	Seq  uint64 `json:"seq"`
	Hash string `json:"hash"`
}

// ReadPosition reads a position from a file; a missing one is the beginning.
func ReadPosition(path string) (p Position, err error) {
	data, err := platform.ReadTrusted(path, maxPosition)
	if errors.Is(err, fs.ErrNotExist) {
		return p, nil
	}
	if err == nil {
		err = json.Unmarshal(data, &p)
	}
	if err == nil && (p.Seq == 0) != (p.Hash == "") {
		err = errors.New("it has no number or no hash")
	}
	if err != nil {
		return p, problem.WithDefault(fmt.Errorf("the position in %s cannot be read: %w", path, err), "remove it to export everything again, or give --after")
	}
	return p, nil
}

// Write keeps the position in a file.
func (p Position) Write(path string) error {
	data, err := json.Marshal(p)
	if err != nil {
		return err
	}
	return platform.WriteFileAtomic(path, append(data, '\n'), 0o600)
}

// Check returns an error unless the log still has the record of the position. What was
// exported is then not what the log has now.
func (p Position) Check(dir string) error {
	if p.Seq == 0 {
		return nil
	}
	why := "has no such record"
	for record, err := range audit.Read(dir, audit.Filter{After: p.Seq - 1}) {
		switch {
		case err != nil: // reported when it is exported
			continue
		case record.Seq == p.Seq && record.Hash == p.Hash:
			return nil
		case record.Seq == p.Seq:
			why = "has another one"
		}
		break
	}
	return problem.With(fmt.Errorf("record %d was exported with the hash %.12s…, and the log %s: it was rewritten or replaced", p.Seq, p.Hash, why),
		"see what is wrong: keybroker log verify; to export the new log from its beginning, remove the file of --state")
}
