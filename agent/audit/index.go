package audit

import (
	"context"
	"iter"
	"path/filepath"
	"slices"
	"time"

	"github.com/keybroker/keybroker/keys"
)

// Index is what is kept in memory about the allowed signatures of a log. One pass
// over the files fills both parts.
type Index struct {
	History *History
	Logins  *Logins
}

// NewIndex returns an Index that knows nothing until Load.
func NewIndex() *Index { return &Index{newHistory(), newLogins()} }

// Add notes one record; it fits Config.Observe.
func (x *Index) Add(r Record) {
	x.History.add(r)
	x.Logins.add(r)
}

// Load reads the log in dir until its end or until ctx ends. Call it once; Add may
// be called meanwhile. It reads the newest month first, so that Logins is complete
// before the old months are read. It skips unusable lines, which Verify names.
func (x *Index) Load(ctx context.Context, dir string) {
	defer x.Logins.loaded()
	oldest := time.Now().Add(-maxLoginAge)
	for record, err := range signatures(ctx, dir) {
		switch {
		case err != nil:
			continue
		case record.Time.After(oldest):
			x.Logins.add(record)
		case monthOf(record.Time) < monthOf(oldest):
			x.Logins.loaded()
		}
		x.History.add(record)
	}
	if ctx.Err() == nil {
		x.History.loaded()
	}
}

// signatures yields the allowed signatures of the log in dir until ctx ends: the
// newest month first, and within a month in the order of the file.
func signatures(ctx context.Context, dir string) iter.Seq2[Record, error] {
	return func(yield func(Record, error) bool) {
		list, err := months(dir)
		if err != nil {
			yield(Record{}, err)
			return
		}
		give := func(r Record, err error) bool {
			if ctx.Err() != nil {
				return false
			}
			return err == nil && !r.isSignature() || yield(r, err)
		}
		for _, month := range slices.Backward(list) {
			if !readFile(filepath.Join(dir, fileOf(month)), Filter{}, give) {
				return
			}
		}
	}
}

// isSignature reports whether the record is of an allowed signature.
func (r *Record) isSignature() bool {
	return r.Op == keys.OpSign && r.Decision == Allowed && r.Key != nil
}
