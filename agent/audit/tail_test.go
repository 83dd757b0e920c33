package audit

import (
	"bytes"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// An incomplete record was not delivered: it is cut off, and that is noted.
func TestIncompleteTail(t *testing.T) {
	dir := t.TempDir()
	fill(t, dir, 3)
	path := filepath.Join(dir, novemberFile)
	whole := contents(t, path)
	half := `{"seq":4,"time":"20`
	appendTo(t, path, half)

	if got := ids(read(t, dir, Filter{})); got != "r1 r2 r3" {
		t.Errorf("read %s", got)
	}
	report := mustVerify(t, dir)
	if report.Bad != nil || report.Incomplete != int64(len(half)) || report.Records != 3 {
		t.Errorf("before: %+v", report)
	}

	l := open(t, dir, november())
	if !bytes.Equal(contents(t, path), whole) {
		t.Error("more or less was cut than the incomplete line")
	}
	mustAppend(t, l, "r4")
	got := read(t, dir, Filter{})
	want := "audit-2026-11.jsonl: an incomplete last line was cut off: 19 bytes, sha256 " + hexHash([]byte(half))
	if ids(got) != "r1 r2 r3 note r4" || got[3].Reason != want {
		t.Errorf("read %s: %q, want %q", ids(got), got[3].Reason, want)
	}
	if report := mustVerify(t, dir); report.Bad != nil || report.Incomplete != 0 || report.Records != 5 {
		t.Errorf("after: %+v", report)
	}
}

// A wrong last line stays, and the log continues after it.
func TestCorruptTail(t *testing.T) {
	tests := []struct {
		name, old, new string
		why            string
		badLines       int
	}{
		{"changed", `"id":"r3"`, `"id":"r9"`, "it was changed: its hash does not fit its contents", 1},
		{"broken", `{"seq":3`, `{seq":3`, "it is not a record in JSON", 1},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			dir := t.TempDir()
			fill(t, dir, 3)
			path := filepath.Join(dir, novemberFile)
			text := strings.Replace(string(contents(t, path)), test.old, test.new, 1)
			must(t, os.WriteFile(path, []byte(text), fileMode))
			bad := strings.Split(text, "\n")[2]

			l := open(t, dir, november())
			r := mustAppend(t, l, "next")
			var note Record
			for r, err := range Read(dir, Filter{Decision: Note}) {
				if err == nil {
					note = r
				}
			}
			if note.Seq != 4 || note.Prev != hexHash([]byte(bad)) || !strings.Contains(note.Reason, "the last line was wrong") || r.Prev != note.Hash {
				t.Errorf("note %+v, then %+v", note, r)
			}
			report := mustVerify(t, dir)
			if report.Bad == nil || report.Bad.Line != 3 || report.Bad.Why != test.why || report.BadLines != test.badLines {
				t.Errorf("report %+v, bad %v", report, report.Bad)
			}
		})
	}
}

func TestEmptyNewestFile(t *testing.T) {
	dir := t.TempDir()
	fill(t, dir, 2)
	must(t, os.WriteFile(filepath.Join(dir, "audit-2026-12.jsonl"), nil, fileMode))
	if r := mustAppend(t, open(t, dir, november()), "r3"); r.Seq != 3 {
		t.Errorf("got %+v", r)
	}
	if report := mustVerify(t, dir); report.Bad != nil || report.Records != 3 {
		t.Errorf("report %+v", report)
	}
}

// countingReader counts what is read of a file.
type countingReader struct {
	io.ReaderAt
	read int
}

func (c *countingReader) ReadAt(p []byte, off int64) (int, error) {
	n, err := c.ReaderAt.ReadAt(p, off)
	c.read += n
	return n, err
}

// Starting reads a few blocks, whatever the file's size.
func TestHugeFile(t *testing.T) {
	dir := t.TempDir()
	fill(t, dir, 2)
	path := filepath.Join(dir, novemberFile)
	lines := contents(t, path)
	file, err := os.Create(path)
	must(t, err)
	defer file.Close()
	const hole = 8 << 30 // sparse: it takes no room
	if _, err := file.WriteAt(append([]byte("\n"), lines...), hole); err != nil {
		t.Skipf("no sparse file of 8 GiB here: %v", err)
	}
	counting := &countingReader{ReaderAt: file}
	end, err := readTail(counting, hole+1+int64(len(lines)))
	must(t, err)
	if end.head.Seq != 2 || end.badNote != "" || end.cutNote != "" {
		t.Errorf("tail %+v", end)
	}
	if counting.read == 0 || counting.read > 64<<10 {
		t.Errorf("%d bytes were read", counting.read)
	}
	file.Close()
	if r := mustAppend(t, open(t, dir, november()), "r3"); r.Seq != 3 {
		t.Errorf("got %+v", r)
	}
}
