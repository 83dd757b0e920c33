package audit

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"sync"

	"github.com/keybroker/keybroker/keys"
)

const (
	// indexName is the file of the index, beside the months. It is derived from them:
	// whoever deletes it costs the next start the time to read the log.
	indexName = "index.jsonl"
	// indexVersion changes with what the fields of the file mean.
	indexVersion = 1
	// maxIndex bounds an index that is read, also by the broker, before it is known
	// whose it is: that of half a billion records.
	maxIndex = 64 << 20
	// maxVouch is in how many records after its end an index must be vouched for. It
	// is in one of the first, as the broker writes it.
	maxVouch = 1 << 16
)

// portion of an index is what is decoded of it, which takes most of the time.
type portion int

const (
	withChunks portion = 1 << iota // where the records lie
	withSums                       // what they add up to
	withTotal                      // what all add up to: the last part has it
)

// indexHead is the first line of an index. The sums of all months follow, and for each
// month three lines: the head, the chunks and the sums of its part.
type indexHead struct {
	Version int       `json:"version"`
	Ops     []keys.Op `json:"ops"`   // what the bits of the chunks mean
	Month   string    `json:"month"` // where the index ends
	To      int64     `json:"to"`
	Last    link      `json:"last"`
}

// encodeIndex writes the parts of the months, oldest first.
func encodeIndex(parts []*part) ([]byte, error) {
	last := parts[len(parts)-1]
	var buf bytes.Buffer
	encoder := json.NewEncoder(&buf)
	encoder.SetEscapeHTML(false)
	err := encoder.Encode(indexHead{indexVersion, keys.Ops, last.Month, last.To, last.Last})
	total := unbounded()
	for _, p := range parts {
		total.join(&p.sums)
	}
	err = errors.Join(err, encoder.Encode(&total))
	for _, p := range parts {
		err = errors.Join(err, encoder.Encode(&p.partHead), encoder.Encode(p.Chunks), encoder.Encode(&p.sums))
	}
	return buf.Bytes(), err
}

// errNoIndex is why the log is read instead of its index.
var errNoIndex = errors.New("there is no index that the log vouches for")

// readIndex reads the index of the log in dir. Any program of the user can write that
// file, so it counts only if a record of the chain has its hash; only then is it
// decoded. Of the months those are left out whose file is not there any more, or not the
// one that was read.
func readIndex(dir string, want portion) ([]*part, error) {
	data, err := readIndexFile(filepath.Join(dir, indexName))
	if err != nil {
		return nil, err
	}
	first, rest, _ := bytes.Cut(data, []byte("\n"))
	var head indexHead
	if json.Unmarshal(first, &head) != nil || head.Version != indexVersion || !slices.Equal(head.Ops, keys.Ops) || !isMonth(head.Month) {
		return nil, errNoIndex
	}
	if !vouched(dir, head, hexHash(data)) {
		return nil, errNoIndex
	}
	total, rest, _ := bytes.Cut(rest, []byte("\n"))
	parts, err := decodeParts(rest, want)
	if err != nil {
		return nil, errNoIndex
	}
	all := len(parts)
	parts = slices.DeleteFunc(parts, func(p *part) bool {
		return !isMonth(p.Month) || !endsAt(dir, p.Month, p.To, p.Last)
	})
	if want&withTotal == 0 {
		return parts, nil
	}
	if len(parts) < all || len(parts) == 0 {
		return readIndex(dir, want&^withTotal|withSums)
	}
	last := parts[len(parts)-1]
	last.sums = unbounded()
	if json.Unmarshal(total, &last.sums) != nil {
		return nil, errNoIndex
	}
	return parts, nil
}

// linesOfPart are the lines of one part.
const linesOfPart = 3

// decodeParts decodes the months at the same time.
func decodeParts(text []byte, want portion) ([]*part, error) {
	lines := bytes.Split(bytes.TrimSuffix(text, []byte("\n")), []byte("\n"))
	parts, faults := make([]*part, len(lines)/linesOfPart), make([]error, len(lines)/linesOfPart)
	var group sync.WaitGroup
	for i := range parts {
		group.Go(func() {
			parts[i], faults[i] = decodePart(lines[linesOfPart*i:], want)
		})
	}
	group.Wait()
	return parts, errors.Join(faults...)
}

func decodePart(lines [][]byte, want portion) (*part, error) {
	p := new(part)
	err := json.Unmarshal(lines[0], &p.partHead)
	if want&withChunks != 0 {
		err = errors.Join(err, json.Unmarshal(lines[1], &p.Chunks))
	}
	if want&withSums != 0 {
		err = errors.Join(err, json.Unmarshal(lines[2], &p.sums))
	}
	p.count()
	return p, err
}

func readIndexFile(path string) ([]byte, error) {
	file, err := openFile(path, os.O_RDONLY)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, errNoIndex
	}
	if err != nil {
		return nil, err
	}
	defer file.Close()
	data, err := io.ReadAll(io.LimitReader(file, maxIndex+1))
	if err == nil && len(data) > maxIndex {
		err = errNoIndex
	}
	return data, err
}

// endsAt reports whether a line of a month's file that ends at an offset is the record
// last, in which case the chain proves what is before it.
func endsAt(dir, month string, at int64, last link) bool {
	file, err := openFile(filepath.Join(dir, fileOf(month)), os.O_RDONLY)
	if err != nil {
		return false
	}
	defer file.Close()
	return isRecordAt(file, at, last)
}

func isRecordAt(file io.ReaderAt, at int64, last link) bool {
	if at <= 0 || last.Seq == 0 {
		return false
	}
	line, err := lineBefore(file, at)
	if err != nil {
		return false
	}
	g, err := look(line)
	return err == nil && g.seq == last.Seq && g.hash == last.Hash
}

// usualLine is longer than most lines of the log, in bytes.
const usualLine = 2 << 10

// lineBefore returns the line that ends at an offset, without its newline. One read is
// enough for a usual one.
func lineBefore(file io.ReaderAt, at int64) ([]byte, error) {
	end := make([]byte, min(at, usualLine))
	if _, err := file.ReadAt(end, at-int64(len(end))); err != nil {
		return nil, err
	}
	end = end[:len(end)-1]
	if i := bytes.LastIndexByte(end, '\n'); i >= 0 {
		return end[i+1:], nil
	}
	start, err := lineStart(file, at-1)
	if err != nil || at-start > MaxLine {
		return nil, cmp.Or(err, errTooLong)
	}
	line := make([]byte, at-1-start)
	_, err = file.ReadAt(line, start)
	return line, err
}

// vouched reports whether one of the records that follow the end of an index, in one
// chain with its last record, has the index's hash.
func vouched(dir string, head indexHead, hash string) bool {
	if !endsAt(dir, head.Month, head.To, head.Last) {
		return false
	}
	list, err := months(dir)
	if err != nil {
		return false
	}
	v := voucher{last: head.Last, field: []byte(`"index":"` + hash + `"`), hash: hash}
	for _, month := range list {
		if month < head.Month {
			continue
		}
		from := int64(0)
		if month == head.Month {
			from = head.To
		}
		if v.readFile(filepath.Join(dir, fileOf(month)), from); v.done {
			break
		}
	}
	return v.found
}

// voucher looks for the record that vouches for an index.
type voucher struct {
	last        link
	field       []byte
	hash        string
	seen        int
	done, found bool
}

func (v *voucher) readFile(path string, from int64) {
	file, err := openFile(path, os.O_RDONLY)
	if err != nil {
		v.done = true
		return
	}
	defer file.Close()
	lines := newLineReader(io.NewSectionReader(file, from, 1<<62))
	for !v.done {
		line, err := lines.next()
		if err != nil {
			v.done = !errors.Is(err, io.EOF) // the next month goes on
			return
		}
		v.line(line)
	}
}

func (v *voucher) line(line []byte) {
	g, err := look(line)
	if v.seen++; err != nil || g.seq != v.last.Seq+1 || g.prev != v.last.Hash || v.seen > maxVouch {
		v.done = true
		return
	}
	v.last = link{g.seq, g.hash}
	if !bytes.Contains(line, v.field) { // in a text the quotes would be escaped
		return
	}
	r, err := parse(line)
	if err == nil && r.Index == v.hash {
		v.done, v.found = true, true
	}
}
