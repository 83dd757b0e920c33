package audit

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
)

// Report is what Verify found.
type Report struct {
	Records    uint64   `json:"records"` // lines that are records, right or not
	Files      []string `json:"files"`   // paths, in order
	Head       Head     `json:"head"`    // the last record, to compare with the running daemon's head
	Bad        *Bad     `json:"bad,omitempty"`
	BadLines   int      `json:"bad_lines,omitempty"`  // how many lines do not fit the chain
	Incomplete int64    `json:"incomplete,omitempty"` // bytes of an incomplete last line: being written, or left by a killed writer
	Witnessed  int      `json:"witnessed,omitempty"`  // how many heads known from elsewhere the log agrees with
	Removed    uint64   `json:"removed,omitempty"`    // how many records before the first one were removed; a witnessed head shows that the rest follows them
	Unread     uint64   `json:"unread,omitempty"`     // Check: of the records, those of which one in chunkRecords was read
}

// Witnessed is a head that is kept elsewhere: by the running daemon or the system's
// journal.
type Witnessed struct {
	Head
	By string // "the broker", "the journal at 2026-11-27 15:04:05"
}

// Bad is the first line that proves a change of the log.
type Bad struct {
	File string `json:"file"`
	Line int    `json:"line"` // from 1; 0: after the last line
	Why  string `json:"why"`
}

func (b *Bad) String() string {
	if b.Line == 0 {
		return b.Why
	}
	return fmt.Sprintf("%s line %d: %s", b.File, b.Line, b.Why)
}

// Verify reads the whole log in dir, on all cores, and follows the chain. It needs no lock. The
// error says that the log could not be read; the Report says what is wrong in it. A
// chain whose end was cut off, or that was hashed again, looks intact: only the
// witnessed heads show it.
//
// A log whose oldest months were removed is whole if a head of the last record that was
// removed is among the witnessed ones, and the first record that is there follows it.
func Verify(dir string, witnessed ...Witnessed) (Report, error) {
	return VerifyWith(nil)(dir, witnessed...)
}

// VerifyWith is Verify for a log whose older months lie in other directories, the oldest
// first (Archive).
func VerifyWith(archives []string) func(dir string, witnessed ...Witnessed) (Report, error) {
	return func(dir string, witnessed ...Witnessed) (Report, error) {
		v := newVerifier(witnessed)
		var paths []string
		for _, dir := range append(slices.Clone(archives), dir) {
			list, err := months(dir)
			if err != nil {
				return v.report, err
			}
			for _, month := range list {
				paths = append(paths, filepath.Join(dir, fileOf(month)))
			}
		}
		for i, path := range paths {
			v.report.Files = append(v.report.Files, path)
			if err := v.readFile(path, 0, 0, i == len(paths)-1); err != nil {
				return v.report, err
			}
		}
		v.checkMissing()
		return v.report, nil
	}
}

func newVerifier(witnessed []Witnessed) *verifier {
	v := &verifier{expect: Head{Hash: firstPrev}, witnesses: make(map[uint64][]Witnessed)}
	for _, w := range witnessed {
		if w.Seq > 0 { // 0: there was no record
			v.witnesses[w.Seq] = append(v.witnesses[w.Seq], w)
		}
	}
	v.report.Head = v.expect
	return v
}

// verifier remembers the line before.
type verifier struct {
	report Report
	expect Head // what the next line must follow
	resync bool // the line before was unreadable: any line may follow

	bytesHash string // hash of the previous line's bytes, if that line was invalid; Open may have continued the chain from it

	witnesses map[uint64][]Witnessed // by Seq: those that no line was compared with yet
}

// verified is what one core finds out about a line.
type verified struct {
	glimpse
	err       error
	bytesHash string // with an error
}

func verifyLines(b block) (list []verified) {
	for line := range b.lines() {
		one := verified{err: errTooLong}
		if line != nil {
			one.glimpse, one.err = lookValid(line)
			one.id = nil
		}
		if one.err != nil {
			one.bytesHash = hexHash(line)
		}
		list = append(list, one)
	}
	return list
}

// readFile reads a file from an offset on, before which there are number lines.
func (v *verifier) readFile(path string, from int64, number int, newest bool) error {
	file, err := openFile(path, os.O_RDONLY)
	if err != nil {
		return err
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return err
	}
	var rest int64
	for lines, err := range inBlocks(context.Background(), file, from, info.Size(), &rest, verifyLines) {
		if err != nil {
			return err
		}
		for i := range lines {
			number++
			v.line(path, number, &lines[i])
		}
	}
	switch {
	case rest > 0 && newest:
		v.report.Incomplete = rest
	case rest > 0:
		v.bad(path, number+1, "it is cut off, although a later file follows")
	}
	return nil
}

func (v *verifier) line(path string, number int, one *verified) {
	if one.err != nil {
		v.bad(path, number, one.err.Error())
	} else if why := v.chainFault(&one.glimpse); why != "" && !v.resync {
		v.bad(path, number, why)
	}
	v.bytesHash = one.bytesHash
	v.resync = one.hash == ""
	if v.resync {
		return
	}
	v.report.Records++
	v.expect = Head{Seq: one.seq, Hash: one.hash, File: path}
	v.report.Head = v.expect
	v.checkWitnesses(path, number, &one.glimpse)
}

// checkWitnesses compares a record with the witnessed heads.
func (v *verifier) checkWitnesses(path string, number int, r *glimpse) {
	for _, w := range v.witnesses[r.seq] {
		if w.Hash == r.hash {
			v.report.Witnessed++
			continue
		}
		v.bad(path, number, fmt.Sprintf("record %d is not the one that was written: %s has its hash as %.12s…, the log as %.12s…",
			r.seq, w.By, w.Hash, r.hash))
	}
	delete(v.witnesses, r.seq)
}

// checkMissing finds witnessed records that the log no longer has.
func (v *verifier) checkMissing() {
	var last Witnessed
	for _, list := range v.witnesses {
		if list[0].Seq > last.Seq {
			last = list[0]
		}
	}
	if last.Seq <= v.report.Head.Seq { // chainFault has reported the gap
		return
	}
	v.bad(v.report.Head.File, 0, fmt.Sprintf("the end of the audit log was cut off: %s has record %d, the log ends with %d",
		last.By, last.Seq, v.report.Head.Seq))
}

// chainFault returns why r cannot follow the line before it; "": it can.
func (v *verifier) chainFault(r *glimpse) string {
	last := v.expect
	switch next := last.Seq + 1; {
	case r.seq == next && (r.prev == last.Hash || r.prev == v.bytesHash):
		return ""
	case last.Seq == 0 && r.seq == 1:
		return "it is record 1, but its prev is not 64 zeros"
	case last.Seq == 0 && v.followsWitnessed(r):
		v.report.Removed = r.seq - 1
		v.report.Witnessed++
		return ""
	case last.Seq == 0:
		return fmt.Sprintf("the log begins with record %d: what was before it is missing", r.seq)
	case r.seq == last.Seq && r.hash == last.Hash:
		return fmt.Sprintf("record %d is there twice", r.seq)
	case r.seq > next:
		return fmt.Sprintf("record %d follows record %d: %s missing or moved", r.seq, last.Seq, between(next, r.seq-1))
	case r.seq < next:
		return fmt.Sprintf("record %d follows record %d: it is out of order", r.seq, last.Seq)
	}
	return fmt.Sprintf("its prev is not the hash of record %d: that one or this one was replaced", last.Seq)
}

// followsWitnessed reports whether the record follows one whose head is kept elsewhere. A
// second head of that record that differs proves a change, and is found as one.
func (v *verifier) followsWitnessed(r *glimpse) bool {
	list := v.witnesses[r.seq-1]
	return len(list) > 0 && !slices.ContainsFunc(list, func(w Witnessed) bool { return w.Hash != r.prev })
}

func between(first, last uint64) string {
	if first == last {
		return fmt.Sprintf("record %d is", first)
	}
	return fmt.Sprintf("records %d to %d are", first, last)
}

func (v *verifier) bad(file string, line int, why string) {
	v.report.BadLines++
	if v.report.Bad == nil {
		v.report.Bad = &Bad{File: file, Line: line, Why: why}
	}
}
