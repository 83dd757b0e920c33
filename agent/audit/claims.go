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

// claimsBlock is how much of the log is read at a time, from its end: many lines of the
// longest kind.
const claimsBlock = 4 << 20

// No text of a record can contain these: JSON would escape the quotes.
var (
	claimsKey  = []byte(`"claims":"`)
	annotateOp = []byte(`"op":"` + string(keys.OpAnnotate) + `"`)
)

// LastClaims returns the digest of the claims in the last record that has one, or "". It
// reads about limit bytes of the log's end; whole: that was all of it.
func LastClaims(ctx context.Context, dir string, limit int64) (digest string, whole bool, err error) {
	list, err := months(dir)
	if err != nil {
		return "", false, err
	}
	for _, month := range slices.Backward(list) {
		digest, limit, err = lastClaimsIn(ctx, filepath.Join(dir, fileOf(month)), limit)
		if err != nil || digest != "" || limit < 0 {
			return digest, false, err
		}
	}
	return "", true, nil
}

// lastClaimsIn also returns what is left of the limit; less than 0: the file was not read
// to its beginning.
func lastClaimsIn(ctx context.Context, path string, limit int64) (string, int64, error) {
	file, err := openFile(path, os.O_RDONLY)
	if err != nil {
		return "", limit, err
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return "", limit, err
	}
	block := make([]byte, claimsBlock)
	for end := info.Size(); end > 0; {
		if limit < 0 || ctx.Err() != nil {
			return "", limit, ctx.Err()
		}
		start := max(end-claimsBlock, 0)
		part := block[:end-start]
		if _, err := file.ReadAt(part, start); err != nil && !errors.Is(err, io.EOF) {
			return "", limit, err
		}
		limit -= int64(len(part))
		first := 0 // of the lines that are whole
		if start > 0 {
			first = bytes.IndexByte(part, '\n') + 1
		}
		if digest := lastClaimsOf(part[first:]); digest != "" || first == 0 {
			return digest, limit, nil
		}
		end = start + int64(first)
	}
	return "", limit, nil
}

// lastClaimsOf looks for the digest in lines, from the last to the first.
func lastClaimsOf(lines []byte) string {
	for {
		at := bytes.LastIndex(lines, claimsKey)
		if at < 0 {
			return ""
		}
		start := bytes.LastIndexByte(lines[:at], '\n') + 1
		line, _, ended := bytes.Cut(lines[start:], []byte("\n"))
		if record, err := parse(line); ended && err == nil && record.Claims != "" {
			return record.Claims
		}
		lines = lines[:start]
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
