package audit

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
)

const (
	hashKey  = `,"hash":"`
	hashEnd  = `"}`
	hashHex  = 2 * sha256.Size
	hashTail = len(hashKey) + hashHex + len(hashEnd)
)

// firstPrev is the prev of the first record.
var firstPrev = strings.Repeat("0", hashHex)

var (
	errNotJSON = errors.New("it is not a record in JSON")
	errNoHash  = errors.New(`it does not end with its hash`)
	errChanged = errors.New("it was changed: its hash does not fit its contents")
)

func hexHash(data []byte) string {
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:])
}

// encode sets r.Hash and writes the line of r, with its newline, to buf. The line is
// valid until buf is used again.
func encode(buf *bytes.Buffer, r *Record) ([]byte, error) {
	r.Hash = ""
	buf.Reset()
	encoder := json.NewEncoder(buf)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(r); err != nil {
		return nil, fmt.Errorf("encode: %w", err)
	}
	hashed := escapeUnprintable(bytes.TrimSuffix(buf.Bytes(), []byte("}\n")))
	if len(hashed)+hashTail+1 > MaxLine {
		return nil, fmt.Errorf("the record would take more than %d bytes", MaxLine)
	}
	r.Hash = hexHash(hashed)
	line := append(hashed, hashKey...)
	line = append(line, r.Hash...)
	return append(line, hashEnd+"\n"...), nil
}

// parse reads a line without its newline and checks its hash. With errChanged it
// also returns the record.
func parse(line []byte) (Record, error) {
	var r Record
	if err := json.Unmarshal(line, &r); err != nil || r.Seq == 0 {
		return Record{}, errNotJSON
	}
	cut := len(line) - hashTail
	if cut < 0 || string(line[cut:cut+len(hashKey)]) != hashKey || string(line[len(line)-len(hashEnd):]) != hashEnd {
		return Record{}, errNoHash
	}
	if string(line[cut+len(hashKey):len(line)-len(hashEnd)]) != hexHash(line[:cut]) {
		return r, errChanged
	}
	return r, nil
}

// Line returns the line of a record that was read, without its newline. It is the line of
// the log to the byte, so that its hash can be checked, unless another version wrote fields
// that this one does not know.
func Line(r Record) ([]byte, error) {
	var buf bytes.Buffer
	again := r
	line, err := encode(&buf, &again)
	if err == nil && again.Hash != r.Hash {
		line, err = json.Marshal(r)
		line = escapeUnprintable(line)
	}
	return bytes.TrimSuffix(line, []byte("\n")), err
}
