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
// chain. It needs no lock, and skips a last line that is being written. For a line
// that is not a record or was changed it yields an error that names the line, and
// then reads on.
func Read(dir string, f Filter) iter.Seq2[Record, error] {
	return func(yield func(Record, error) bool) {
		list, err := months(dir)
		if err != nil {
			yield(Record{}, err)
			return
		}
		if !f.Since.IsZero() { // a record is never in the file of an earlier month
			list = slices.DeleteFunc(list, func(month string) bool { return month < monthOf(f.Since) })
		}
		list = slices.DeleteFunc(list, func(month string) bool { return f.passes(filepath.Join(dir, fileOf(month))) })
		if f.Last > 0 {
			readLast(dir, list, f, yield)
			return
		}
		for _, month := range list {
			if !readFile(filepath.Join(dir, fileOf(month)), f, yield) {
				return
			}
		}
	}
}

// readFile returns false when the consumer stops.
func readFile(path string, f Filter, yield func(Record, error) bool) bool {
	file, err := openFile(path, os.O_RDONLY)
	if err != nil {
		return yield(Record{}, err)
	}
	defer file.Close()
	_, more := readLines(newLineReader(file), path, f, yield)
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

// readLast reads the files from the newest back, and only as many as it needs.
func readLast(dir string, list []string, f Filter, yield func(Record, error) bool) {
	var last []item
	for _, month := range slices.Backward(list) {
		here := window{size: f.Last - len(last)}
		readFile(filepath.Join(dir, fileOf(month)), f, here.add)
		last = append(here.items(), last...)
		if len(last) >= f.Last {
			break
		}
	}
	for _, found := range last {
		if !yield(found.record, found.err) {
			return
		}
	}
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
