package audit

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/keybroker/keybroker/keys"
)

// Index is what the broker knows of its log without reading it: sums of the allowed
// signatures, and where which records lie. Load reads it from the file beside the log,
// as far as the log vouches for that, and the rest from the log. Its methods may be
// called concurrently.
type Index struct {
	History *History
	Logins  *Logins

	read  chan struct{} // closed when Load has ended
	start position      // where the log ended when it was opened: Load reads up to there

	mu      sync.Mutex // guards the fields below
	parts   []*part    // by month, oldest first; until Load has ended, what was written since start
	loaded  bool
	spoiled bool // the log was changed by others: the next start reads it anew
	unsaved int  // records that the file does not cover
}

// NewIndex returns an Index that knows nothing until Load. Config.Index takes it.
func NewIndex() *Index {
	return &Index{History: newHistory(), Logins: newLogins(), read: make(chan struct{}), start: theEnd}
}

// Load reads what was written before the log was opened, until ctx ends. Call it once;
// the log may be written to meanwhile. Without the file it reads the newest month
// first, so that Logins is complete before the old months are read. It skips unusable
// lines, which Verify names.
func (x *Index) Load(ctx context.Context, dir string) {
	defer close(x.read)
	defer x.Logins.loaded()
	parts, saved, err := x.fromFile(ctx, dir)
	if err != nil {
		parts, err = x.fromLog(ctx, dir)
	}
	if err != nil || ctx.Err() != nil {
		return
	}
	cut := slices.ContainsFunc(parts, func(p *part) bool { return p.Cut })
	x.History.loaded(cut)
	x.mu.Lock()
	defer x.mu.Unlock()
	live := x.parts
	x.parts, x.loaded = parts, true
	for _, p := range parts {
		x.unsaved += p.Lines
	}
	x.unsaved -= saved
	for _, p := range live {
		x.joinLocked(p)
	}
}

// fromFile reads the index, and what was written after it. saved is how many lines the
// file covers.
func (x *Index) fromFile(ctx context.Context, dir string) (parts []*part, saved int, err error) {
	known, err := readIndex(dir, withChunks|withSums)
	if err != nil {
		return nil, 0, err
	}
	list, err := x.months(dir)
	if err != nil {
		return nil, 0, err
	}
	for _, month := range list {
		p := partIn(known, month)
		saved += p.Lines
		if err := p.readOn(ctx, dir, x.start, nil); err != nil {
			return nil, 0, err
		}
		parts = append(parts, p)
	}
	if !following(parts) {
		return nil, 0, errNoIndex
	}
	for _, p := range parts {
		x.learn(p)
	}
	return parts, saved, nil
}

// fromLog reads the whole log.
func (x *Index) fromLog(ctx context.Context, dir string) ([]*part, error) {
	list, err := x.months(dir)
	if err != nil {
		return nil, err
	}
	oldest := monthOf(time.Now().Add(-maxLoginAge))
	var parts []*part
	for _, month := range slices.Backward(list) {
		if month < oldest {
			x.Logins.loaded()
		}
		p := newPart(month, 0)
		if err := p.readOn(ctx, dir, x.start, x.learn); err != nil {
			return nil, err
		}
		parts = append(parts, p)
	}
	slices.Reverse(parts)
	return parts, nil
}

// months are those that were there when the log was opened.
func (x *Index) months(dir string) ([]string, error) {
	list, err := months(dir)
	return slices.DeleteFunc(list, func(month string) bool { return month > x.start.month }), err
}

// Add notes a record of no log.
func (x *Index) Add(r Record) {
	x.History.add(r)
	x.Logins.add(r)
}

// learn fills in what the prompt and the order of lists need.
func (x *Index) learn(p *part) {
	x.History.learn(p)
	x.Logins.learn(p, time.Now().Add(-maxLoginAge))
}

// written notes a record that was written at an offset of a month's file, in the order
// of the chain. It reports whether the file should be written anew.
func (x *Index) written(month string, at int64, r *Record, size int64) (due bool) {
	x.Add(*r)
	x.mu.Lock()
	defer x.mu.Unlock()
	one := newPart(month, at)
	if n := len(x.parts); n > 0 && x.parts[n-1].Month == month && x.parts[n-1].To == at {
		one = x.parts[n-1]
	} else {
		defer x.joinLocked(one)
	}
	one.written(r, size)
	x.unsaved++
	return x.loaded && !x.spoiled && x.unsaved >= chunkRecords
}

// joinLocked adds a part that follows.
func (x *Index) joinLocked(p *part) {
	last := &part{}
	if n := len(x.parts); n > 0 {
		last = x.parts[n-1]
	}
	switch {
	case last.Month == p.Month && last.To == p.From:
		last.join(p)
	case last.Month < p.Month && p.From == 0:
		x.parts = append(x.parts, p)
	case !x.loaded && len(x.parts) == 0: // Load reads what is before it
		x.parts = append(x.parts, p)
	default:
		x.spoiled = true
	}
}

// minSaved is how many records make it worth writing the index at the end: reading them
// takes no time that anybody notices.
const minSaved = 512

// Len is how many records it covers.
func (x *Index) Len() (n int) {
	x.mu.Lock()
	defer x.mu.Unlock()
	for _, p := range x.parts {
		n += p.Lines
	}
	return n
}

func (x *Index) worthSaving() bool {
	if x == nil {
		return false
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.loaded && !x.spoiled && x.unsaved >= minSaved
}

// encode writes the index as it is; nil: it cannot be relied on.
func (x *Index) encode() []byte {
	x.mu.Lock()
	defer x.mu.Unlock()
	if !x.loaded || x.spoiled || len(x.parts) == 0 || x.parts[len(x.parts)-1].Last.Seq == 0 {
		return nil
	}
	data, err := encodeIndex(x.parts)
	if err != nil {
		return nil
	}
	x.unsaved = 0
	return data
}

// Held returns the source of each key that the broker holds by what the log says. It
// waits for Load; false: ctx ended, or the log could not be read.
func (x *Index) Held(ctx context.Context) (sources map[string]string, known bool) {
	select {
	case <-x.read:
	case <-ctx.Done():
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	sources = map[string]string{}
	for _, p := range x.parts {
		for fingerprint, k := range p.Keys {
			if n := len(k.Held); n > 0 && k.Held[n-1].Gone {
				delete(sources, fingerprint)
			} else if n > 0 {
				sources[fingerprint] = k.Source
			}
		}
	}
	return sources, x.loaded && ctx.Err() == nil
}

// isSignature reports whether the record is of an allowed signature.
func (r *Record) isSignature() bool {
	return r.Op == keys.OpSign && r.Decision == Allowed && r.Key != nil
}
