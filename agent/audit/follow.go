package audit

import (
	"context"
	"fmt"
	"io"
	"iter"
	"os"
	"path/filepath"
	"time"

	"github.com/keybroker/keybroker/problem"
)

// pollInterval is how often Follow looks for new records. Checking a file that did
// not grow costs microseconds.
const pollInterval = 200 * time.Millisecond

// Follow yields the last f.Last records that f chooses, as Read does, and then new
// ones as they are written, until ctx ends. Errors are as with Read.
func Follow(ctx context.Context, dir string, f Filter) iter.Seq2[Record, error] {
	return func(yield func(Record, error) bool) {
		c := cursor{dir: dir}
		if err := c.seekEnd(); err != nil {
			yield(Record{}, err)
			return
		}
		if f.Last > 0 {
			old, err := lastOf(dir, f, position{c.month, c.offset})
			if err != nil {
				old = append(old, item{err: err})
			}
			for _, item := range old {
				if !yield(item.record, item.err) {
					return
				}
			}
		}
		c.follow(ctx, f, yield)
	}
}

// FollowAll yields all records that f chooses, and then new ones as they are written,
// until ctx ends. Errors are as with Read.
func FollowAll(ctx context.Context, dir string, f Filter) iter.Seq2[Record, error] {
	return func(yield func(Record, error) bool) {
		c := cursor{dir: dir}
		c.follow(ctx, f, yield)
	}
}

// follow yields what is there after the cursor, and then what is added.
func (c *cursor) follow(ctx context.Context, f Filter, yield func(Record, error) bool) {
	ticker := time.NewTicker(pollInterval)
	defer ticker.Stop()
	for c.advance(f, yield) {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
	}
}

// cursor is a position in the log, always between two lines.
type cursor struct {
	dir    string
	month  string // "": before the first file
	offset int64
}

// seekEnd moves after the last complete line.
func (c *cursor) seekEnd() error {
	list, err := months(c.dir)
	if err != nil || len(list) == 0 {
		return err
	}
	c.month = list[len(list)-1]
	end, err := tailOf(filepath.Join(c.dir, fileOf(c.month)))
	c.offset = end.end
	return err
}

// advance yields all lines after the cursor. It returns false when the consumer
// stops. The months are listed first: if there is a later one, the writer has
// finished the present file, and the rest of it can be read.
func (c *cursor) advance(f Filter, yield func(Record, error) bool) bool {
	list, err := months(c.dir)
	if err != nil {
		return yield(Record{}, err)
	}
	for _, month := range list {
		if month < c.month {
			continue
		}
		if month > c.month {
			c.month, c.offset = month, 0
			if month != list[len(list)-1] && f.passes(filepath.Join(c.dir, fileOf(month))) {
				continue
			}
		}
		if !c.readOn(f, yield) {
			return false
		}
	}
	return true
}

func (c *cursor) readOn(f Filter, yield func(Record, error) bool) bool {
	path := filepath.Join(c.dir, fileOf(c.month))
	file, err := openFile(path, os.O_RDONLY)
	if err != nil {
		return yield(Record{}, err)
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return yield(Record{}, err)
	}
	if info.Size() < c.offset {
		err := problem.With(fmt.Errorf("%s became shorter: %d bytes instead of %d", path, info.Size(), c.offset), "see `keybroker log verify`")
		c.offset = info.Size()
		return yield(Record{}, err)
	}
	if info.Size() == c.offset {
		return true
	}
	lines := newLineReader(io.NewSectionReader(file, c.offset, info.Size()-c.offset))
	where := fmt.Sprintf("%s, after byte %d", path, c.offset) // the line number is unknown
	end, more := readLines(lines, where, f, yield)
	c.offset += end
	return more
}
