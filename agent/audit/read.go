package audit

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"iter"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
)

// Read yields the records of the log in dir that f chooses, in the order of the
// chain. It needs no lock, and skips a last line that is being written. Where the
// log's index says that f can choose nothing, it does not look. For a line that is not a
// record or was changed it yields an error that names the line, and then reads on.
func Read(dir string, f Filter) iter.Seq2[Record, error] {
	return func(yield func(Record, error) bool) {
		if f.Last > 0 {
			readLast(dir, f, theEnd, yield)
			return
		}
		stretches, err := toRead(dir, f, theEnd)
		if err != nil {
			yield(Record{}, err)
			return
		}
		for _, s := range stretches {
			if !s.read(f, yield) {
				return
			}
		}
	}
}

// stretch is successive lines of a month's file.
type stretch struct {
	path     string
	from, to int64
	before   int // how many lines are before it; -1: that is not known
}

// toRead returns where records that f can choose may be, up to end.
func toRead(dir string, f Filter, end position) (stretches []stretch, err error) {
	list, err := months(dir)
	if err != nil {
		return nil, err
	}
	known, err := readIndex(dir, withChunks)
	if err != nil {
		known = nil
	}
	for _, month := range list {
		path := filepath.Join(dir, fileOf(month))
		// A record is never in the file of an earlier month.
		if month > end.month || !f.Since.IsZero() && month < monthOf(f.Since) || f.passes(path) {
			continue
		}
		to := end.to
		if month < end.month {
			to = math.MaxInt64
		}
		p := partIn(known, month)
		for i := range p.Chunks {
			if c := &p.Chunks[i]; c.may(&f) {
				stretches = append(stretches, stretch{path, c.At, min(c.To, to), c.Line - 1})
			}
		}
		if p.To < to {
			stretches = append(stretches, stretch{path, p.To, to, p.Lines})
		}
	}
	return stretches, nil
}

// read returns false when the consumer stops.
func (s stretch) read(f Filter, yield func(Record, error) bool) bool {
	file, err := openFile(s.path, os.O_RDONLY)
	if err != nil {
		return yield(Record{}, err)
	}
	defer file.Close()
	return s.readFrom(file, f, yield)
}

func (s stretch) readFrom(file io.ReaderAt, f Filter, yield func(Record, error) bool) bool {
	lines := newLineReader(io.NewSectionReader(file, s.from, s.to-s.from))
	lines.line = max(s.before, 0)
	where := s.path
	if s.before < 0 {
		where = fmt.Sprintf("%s, after byte %d", s.path, s.from)
	}
	_, more := readLines(lines, where, f, yield)
	return more
}

// readLines reads the complete lines. It returns the offset after the last one that
// it read.
func readLines(lines *lineReader, path string, f Filter, yield func(Record, error) bool) (int64, bool) {
	for {
		line, err := lines.next()
		if errors.Is(err, io.EOF) {
			return lines.end, true
		}
		if err != nil && !errors.Is(err, errTooLong) {
			return lines.end, yield(Record{}, err)
		}
		if f.After > 0 && seqOf(line) <= f.After {
			continue
		}
		if g, ok := glance(line); ok && !f.matchEnds(g.seq, g.time, string(g.id), g.op, g.decision) {
			continue
		}
		var record Record
		if err == nil {
			record, err = parse(line)
		}
		if err != nil {
			err = fmt.Errorf("%s:%d: %w", path, lines.line, err)
		} else if !f.match(&record) {
			continue
		}
		if !yield(record, err) {
			return lines.end, false
		}
	}
}

// passes reports whether every record of a file comes before those that are chosen.
func (f *Filter) passes(path string) bool {
	if f.After == 0 {
		return false
	}
	end, err := tailOf(path)
	return err == nil && end.head.Seq > 0 && end.head.Seq <= f.After
}

// seqOf returns the number at the beginning of a line, which says it without a look at
// the rest. Where there is none it is the highest one, so that the line is read.
func seqOf(line []byte) uint64 {
	rest, found := bytes.CutPrefix(line, []byte(`{"seq":`))
	digits, _, ended := bytes.Cut(rest, []byte(","))
	seq, err := strconv.ParseUint(string(digits), 10, 64)
	if !found || !ended || err != nil {
		return math.MaxUint64
	}
	return seq
}

// item is what Read yields once.
type item struct {
	record Record
	err    error
}

const (
	// recent is how much of the log's end is read before its index is looked at.
	recent = 1 << 20
	// firstPiece and maxPiece bound what is read at once, from the end back.
	firstPiece = 64 << 10
	maxPiece   = 4 << 20
)

// readLast reads from end back, and only as much as it needs.
func readLast(dir string, f Filter, end position, yield func(Record, error) bool) {
	last, err := lastOf(dir, f, end)
	if err != nil {
		yield(Record{}, err)
		return
	}
	for _, found := range last {
		if !yield(found.record, found.err) {
			return
		}
	}
}

func lastOf(dir string, f Filter, end position) (last []item, err error) {
	list, err := months(dir)
	list = slices.DeleteFunc(list, func(month string) bool { return month > end.month })
	if err != nil || len(list) == 0 {
		return nil, err
	}
	b := backward{filter: f}
	newest := stretch{filepath.Join(dir, fileOf(list[len(list)-1])), 0, end.to, -1}
	if list[len(list)-1] < end.month {
		newest.to = math.MaxInt64
	}
	if err := b.read(&newest, recent); err != nil || b.enough() {
		return b.found, err
	}
	stretches, err := toRead(dir, f, end)
	if err != nil {
		return nil, err
	}
	for _, s := range slices.Backward(stretches) {
		if s.path == newest.path {
			s.to = min(s.to, newest.from)
		}
		if s.from >= s.to {
			continue
		}
		s.before = -1
		if err := b.read(&s, math.MaxInt64); err != nil || b.enough() {
			return b.found, err
		}
	}
	return b.found, nil
}

// backward collects the last items.
type backward struct {
	filter Filter
	found  []item
}

func (b *backward) enough() bool { return len(b.found) >= b.filter.Last }

// read reads a stretch from its end back, piece by piece, until there is enough or limit
// bytes were read. It sets where the stretch now begins.
func (b *backward) read(s *stretch, limit int64) error {
	file, err := openFile(s.path, os.O_RDONLY)
	if err != nil {
		return err
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return err
	}
	first := s.from
	to := min(s.to, info.Size())
	s.from = to
	for size := int64(firstPiece); s.from > first && to-s.from < limit && !b.enough(); size = min(2*size, maxPiece) {
		from, err := lineStart(file, max(s.from-size, first))
		if err != nil {
			return err
		}
		piece := stretch{s.path, max(from, first), s.from, -1}
		here := window{size: b.filter.Last - len(b.found)}
		piece.readFrom(file, b.filter, here.add)
		b.found = append(here.items(), b.found...)
		s.from = piece.from
	}
	return nil
}

// window keeps the last size items.
type window struct {
	size int
	kept []item
}

func (w *window) add(r Record, err error) bool {
	if len(w.kept) >= 2*w.size { // rarely, so it costs little
		w.kept = append(w.kept[:0], w.items()...)
	}
	w.kept = append(w.kept, item{r, err})
	return true
}

func (w *window) items() []item { return w.kept[max(len(w.kept)-w.size, 0):] }
