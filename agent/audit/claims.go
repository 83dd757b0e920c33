package audit

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"

	"github.com/keybroker/keybroker/keys"
)

// maxClaimsTail is how much of the log's end is searched for the digest of the claims at
// the start of the broker: some 20,000 records, in a few milliseconds.
const maxClaimsTail = 16 << 20

// No text of a record can contain these: JSON would escape the quotes.
var (
	claimsKey  = []byte(`"claims":"`)
	annotateOp = []byte(`"op":"` + string(keys.OpAnnotate) + `"`)
)

// LastClaims returns the digest of the claims in the last record that has one, or "". It
// reads only the end of the log; whole: that was all of it.
func LastClaims(dir string) (digest string, whole bool, err error) {
	list, err := months(dir)
	if err != nil {
		return "", false, err
	}
	left := int64(maxClaimsTail)
	for _, month := range slices.Backward(list) {
		if left <= 0 {
			return "", false, nil
		}
		end, size, err := readEnd(filepath.Join(dir, fileOf(month)), left)
		if err != nil {
			return "", false, err
		}
		left -= size
		for line := range backwards(end) {
			if !bytes.Contains(line, claimsKey) {
				continue
			}
			if record, err := parse(line); err == nil && record.Claims != "" {
				return record.Claims, false, nil
			}
		}
	}
	return "", left >= 0, nil
}

// readEnd reads at most limit bytes of a file's end, and returns the size of the file.
func readEnd(path string, limit int64) ([]byte, int64, error) {
	file, err := openFile(path, os.O_RDONLY)
	if err != nil {
		return nil, 0, err
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return nil, 0, err
	}
	start := max(info.Size()-limit, 0)
	end, err := io.ReadAll(io.NewSectionReader(file, start, info.Size()-start))
	return end, info.Size(), err
}

// backwards yields the lines of a text from the last to the first. The first may be a part
// of one.
func backwards(text []byte) func(yield func([]byte) bool) {
	return func(yield func([]byte) bool) {
		text = text[:bytes.LastIndexByte(text, '\n')+1] // without a line that is being written
		for len(text) > 0 {
			start := bytes.LastIndexByte(text[:len(text)-1], '\n') + 1
			if !yield(text[start : len(text)-1]) {
				return
			}
			text = text[:start]
		}
	}
}

// Claims reads from the whole log what was last said of each key, by fingerprint. A key of
// which everything was taken back has a zero Claim. Lines that were changed do not count.
func Claims(ctx context.Context, dir string) (map[string]keys.Claim, error) {
	found := map[string]keys.Claim{}
	stretches, err := toRead(dir, Filter{Ops: []keys.Op{keys.OpAnnotate}}, theEnd)
	for _, s := range stretches {
		if err == nil {
			err = claimsIn(ctx, s, found)
		}
	}
	if err != nil {
		return nil, err
	}
	return found, nil
}

func claimsIn(ctx context.Context, s stretch, found map[string]keys.Claim) error {
	file, err := openFile(s.path, os.O_RDONLY)
	if err != nil {
		return err
	}
	defer file.Close()
	for lines := newLineReader(io.NewSectionReader(file, s.from, s.to-s.from)); ; {
		line, err := lines.next()
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case errors.Is(err, io.EOF):
			return nil
		case err != nil && !errors.Is(err, errTooLong):
			return err
		case err != nil || !bytes.Contains(line, annotateOp):
			continue
		}
		if r, err := parse(line); err == nil && r.Op == keys.OpAnnotate && r.Claim != nil && r.Key != nil {
			found[r.Key.Fingerprint] = *r.Claim
		}
	}
}
