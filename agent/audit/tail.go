package audit

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
)

// tailBlock is how much of a file's end is read at a time: room for many lines.
const tailBlock = 8 << 10

// tail is what the end of a file says about how to continue the chain.
type tail struct {
	end     int64  // where the last complete line ends
	head    Head   // to chain the next record to; Seq 0: the file is empty
	cutNote string // note about an incomplete last line; "": there is none
	badNote string // note about a wrong last line; "": it is right
}

// readTail reads as little as possible of the end of a file of the given size: a
// long log must not delay the start.
func readTail(r io.ReaderAt, size int64) (tail, error) {
	var t tail
	var err error
	if t.end, err = lineStart(r, size); err != nil {
		return t, err
	}
	if t.end < size {
		sum, err := hashRange(r, t.end, size)
		if err != nil {
			return t, err
		}
		t.cutNote = fmt.Sprintf("an incomplete last line was cut off: %d bytes, sha256 %s", size-t.end, sum)
	}
	return t, t.resume(r)
}

// resume finds the last record that is right. If lines after it are wrong, the
// chain continues from the bytes of the last line.
func (t *tail) resume(r io.ReaderAt) error {
	wrong := uint64(0)
	for end := t.end; end > 0 && wrong < maxWrong; wrong++ {
		start, err := lineStart(r, end-1)
		if err != nil {
			return err
		}
		record, err := readRecord(r, start, end-1)
		if err == nil {
			t.head.Seq = record.Seq + wrong
			if wrong == 0 {
				t.head.Hash = record.Hash
			}
			return nil
		}
		if wrong == 0 {
			if t.head.Hash, err = hashRange(r, start, end-1); err != nil {
				return err
			}
			t.badNote = fmt.Sprintf("the last line was wrong: the chain goes on from the sha256 of its bytes, %s", t.head.Hash)
		}
		end = start
	}
	t.head.Seq = wrong
	return nil
}

// maxWrong bounds how many wrong lines at the end are read to find the number of
// the last good one.
const maxWrong = 16

// readRecord reads the line between two offsets.
func readRecord(r io.ReaderAt, start, end int64) (Record, error) {
	if end-start > MaxLine {
		return Record{}, errNotJSON
	}
	line := make([]byte, end-start)
	if _, err := r.ReadAt(line, start); err != nil && err != io.EOF {
		return Record{}, err
	}
	return parse(line)
}

// lineStart returns the offset after the last newline before end, or 0.
func lineStart(r io.ReaderAt, end int64) (int64, error) {
	block := make([]byte, tailBlock)
	for end > 0 {
		start := max(end-tailBlock, 0)
		part := block[:end-start]
		if _, err := r.ReadAt(part, start); err != nil && err != io.EOF {
			return 0, err
		}
		if i := bytes.LastIndexByte(part, '\n'); i >= 0 {
			return start + int64(i) + 1, nil
		}
		end = start
	}
	return 0, nil
}

func hashRange(r io.ReaderAt, start, end int64) (string, error) {
	hash := sha256.New()
	if _, err := io.Copy(hash, io.NewSectionReader(r, start, end-start)); err != nil {
		return "", err
	}
	return hex.EncodeToString(hash.Sum(nil)), nil
}
