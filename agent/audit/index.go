package audit

import (
	"context"
	"iter"
	"path/filepath"
	"slices"
	"time"

	"github.com/keybroker/keybroker/keys"
)

// Index is what is kept in memory of the allowed signatures of a log: one pass
// over its files fills both parts.
type Index struct {
	History *History
	Logins  *Logins
}

// NewIndex returns an Index that knows nothing until Load.
func NewIndex() *Index { return &Index{newHistory(), newLogins()} }

// Add notes one record. It is made for Config.Observe.
func (x *Index) Add(r Record) {
	x.History.add(r)
	x.Logins.add(r)
}

// Load reads the log in dir, once, until its end or that of ctx: the newest
// month first, so that Logins is complete before the old months are read. A line
// that cannot be used is passed over: Verify names it. Add may be called meanwhile.
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

// signatures gives the allowed signatures of the log in dir until ctx ends: the
// newest month first, and the records of a month in the order in which they
// were written.
func signatures(ctx context.Context, dir string) iter.Seq2[Record, error] {
	return func(yield func(Record, error) bool) {
		list, err := months(dir)
		if err != nil {
			yield(Record{}, err)
			return
		}
		one := func(r Record, err error) bool {
			if ctx.Err() != nil {
				return false
			}
			return err == nil && !r.isSignature() || yield(r, err)
		}
		for _, month := range slices.Backward(list) {
			if !readFile(filepath.Join(dir, fileOf(month)), Filter{}, one) {
				return
			}
		}
	}
}

// isSignature says that the record is of a signature that was allowed.
func (r *Record) isSignature() bool {
	return r.Op == keys.OpSign && r.Decision == Allowed && r.Key != nil
}
