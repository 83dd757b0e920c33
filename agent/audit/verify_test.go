package audit

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// threeMonths makes a log of nine records in September, October and November.
func threeMonths(t testing.TB, dir string) {
	t.Helper()
	c := november()
	l := open(t, dir, c)
	for i := range 9 {
		c.set(time.Date(2026, time.Month(9+i/3), 1+i, 0, 0, 0, 0, time.UTC))
		mustAppend(t, l, fmt.Sprintf("r%d", i+1))
	}
	must(t, l.Close())
}

func TestVerifyNamesTheFirstBadLine(t *testing.T) {
	const october = "audit-2026-10.jsonl"
	edit := func(file string, change func(lines []string) []string) func(*testing.T, string) {
		return func(t *testing.T, dir string) {
			path := filepath.Join(dir, file)
			lines := strings.SplitAfter(string(contents(t, path)), "\n")
			lines = lines[:len(lines)-1]
			must(t, os.WriteFile(path, []byte(strings.Join(change(lines), "")), fileMode))
		}
	}
	sub := func(line int, old, new string) func([]string) []string {
		return func(lines []string) []string {
			if !strings.Contains(lines[line], old) {
				panic("nothing to change")
			}
			lines[line] = strings.Replace(lines[line], old, new, 1)
			return lines
		}
	}
	tests := []struct {
		name   string
		tamper func(*testing.T, string)
		want   string // "" when nothing is wrong
		lines  int
	}{
		{"untouched", func(*testing.T, string) {}, "", 0},
		{"broken JSON", edit(october, sub(1, `"id"`, `id"`)), "audit-2026-10.jsonl line 2: it is not a record in JSON", 1},
		{"changed field", edit(october, sub(1, `"decision":"allowed"`, `"decision":"refused"`)), "audit-2026-10.jsonl line 2: it was changed: its hash does not fit its contents", 1},
		{"changed space", edit(october, sub(1, `,"op"`, `, "op"`)), "audit-2026-10.jsonl line 2: it was changed: its hash does not fit its contents", 1},
		{"hash taken off", edit(october, func(lines []string) []string {
			lines[1] = lines[1][:len(lines[1])-hashTail-1] + "}\n"
			return lines
		}), "audit-2026-10.jsonl line 2: it does not end with its hash", 1},
		{"something after the hash", edit(october, sub(1, "\"}\n", "\",\"x\":1}\n")), "audit-2026-10.jsonl line 2: it does not end with its hash", 1},
		{"changed with a new hash", edit(october, func(lines []string) []string {
			lines[1] = forge(t, lines[1], func(r *Record) { r.Reason = "forged" })
			return lines
		}), "audit-2026-10.jsonl line 3: its prev is not the hash of record 5: that one or this one was replaced", 1},
		{"wrong prev with a new hash", edit(october, func(lines []string) []string {
			lines[1] = forge(t, lines[1], func(r *Record) { r.Prev = firstPrev })
			return lines
		}), "audit-2026-10.jsonl line 2: its prev is not the hash of record 4: that one or this one was replaced", 2},
		{"removed", edit(october, func(lines []string) []string { return append(lines[:1], lines[2:]...) }),
			"audit-2026-10.jsonl line 2: record 6 follows record 4: record 5 is missing or moved", 1},
		{"swapped", edit(october, func(lines []string) []string { return []string{lines[0], lines[2], lines[1]} }),
			"audit-2026-10.jsonl line 2: record 6 follows record 4: record 5 is missing or moved", 3},
		{"repeated", edit(october, func(lines []string) []string { return []string{lines[0], lines[1], lines[1], lines[2]} }),
			"audit-2026-10.jsonl line 3: record 5 is there twice", 1},
		{"an old one again", edit(october, func(lines []string) []string { return append(lines, lines[0]) }),
			"audit-2026-10.jsonl line 4: record 4 follows record 6: it is out of order", 2},
		{"empty line", edit(october, func(lines []string) []string { return []string{lines[0], "\n", lines[1], lines[2]} }),
			"audit-2026-10.jsonl line 2: it is not a record in JSON", 1},
		{"endless line", edit(october, sub(1, `"id"`, strings.Repeat(" ", MaxLine)+`"id"`)), "audit-2026-10.jsonl line 2: it is longer than any record", 1},
		{"month missing", func(t *testing.T, dir string) { must(t, os.Remove(filepath.Join(dir, october))) },
			"audit-2026-11.jsonl line 1: record 7 follows record 3: records 4 to 6 are missing or moved", 1},
		{"first month missing", func(t *testing.T, dir string) { must(t, os.Remove(filepath.Join(dir, "audit-2026-09.jsonl"))) },
			"audit-2026-10.jsonl line 1: the log begins with record 4: what was before it is missing", 1},
		{"unknown first prev", edit("audit-2026-09.jsonl", func(lines []string) []string {
			lines[0] = forge(t, lines[0], func(r *Record) { r.Prev = strings.Repeat("1", 64) })
			return lines
		}), "audit-2026-09.jsonl line 1: it is record 1, but its prev is not 64 zeros", 2},
		{"older month cut within a line", func(t *testing.T, dir string) {
			path := filepath.Join(dir, october)
			data := contents(t, path)
			must(t, os.WriteFile(path, data[:len(data)-1], fileMode))
		}, "audit-2026-10.jsonl line 3: it is cut off, although a later file follows", 2},
		{"two changes", func(t *testing.T, dir string) {
			edit(october, sub(2, `"r6"`, `"rx"`))(t, dir)
			edit("audit-2026-09.jsonl", sub(2, `"r3"`, `"rx"`))(t, dir)
		}, "audit-2026-09.jsonl line 3: it was changed: its hash does not fit its contents", 2},
		{"the end cut at a line cannot be seen", edit(novemberFile, func(lines []string) []string { return lines[:2] }), "", 0},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			dir := t.TempDir()
			threeMonths(t, dir)
			test.tamper(t, dir)
			report := mustVerify(t, dir)
			got := ""
			if report.Bad != nil {
				got = strings.TrimPrefix(report.Bad.String(), dir+string(filepath.Separator))
			}
			if got != test.want || report.BadLines != test.lines {
				t.Errorf("got  %s (%d lines)\nwant %s (%d lines)", got, report.BadLines, test.want, test.lines)
			}
		})
	}
}

// forge changes a line as somebody who knows the format would.
func forge(t testing.TB, line string, change func(*Record)) string {
	t.Helper()
	r, err := parse([]byte(strings.TrimSuffix(line, "\n")))
	must(t, err)
	change(&r)
	forged, err := encode(new(bytes.Buffer), &r)
	must(t, err)
	return string(forged)
}

// rehash rewrites the records of a file from one line on, as somebody who knows the
// format would to keep the chain intact.
func rehash(t testing.TB, path string, from int, change func(*Record)) {
	t.Helper()
	var out strings.Builder
	prev, number := "", 0
	for line := range strings.Lines(string(contents(t, path))) {
		if number++; number >= from {
			line = forge(t, line, func(r *Record) {
				if change(r); prev != "" {
					r.Prev = prev
				}
			})
		}
		r, err := parse([]byte(strings.TrimSuffix(line, "\n")))
		must(t, err)
		prev = r.Hash
		out.WriteString(line)
	}
	must(t, os.WriteFile(path, []byte(out.String()), fileMode))
}

// A chain that was hashed again looks intact. A head that is kept elsewhere proves the
// change, whichever record it is of.
func TestAWitnessShowsARewrittenChain(t *testing.T) {
	dir := t.TempDir()
	l := open(t, dir, november())
	var heads []Witnessed
	for i := range 35 {
		r := mustAppend(t, l, fmt.Sprintf("r%d", i+1))
		heads = append(heads, Witnessed{Head: Head{Seq: r.Seq, Hash: r.Hash}, By: "the witness"})
	}
	first, middle, last := heads[0], heads[19], heads[34]
	if report, err := Verify(dir, first, middle, last, middle); err != nil || report.Bad != nil || report.Witnessed != 4 {
		t.Errorf("untouched: %+v %v %v", report, report.Bad, err)
	}
	path := filepath.Join(dir, novemberFile)
	rehash(t, path, 3, func(r *Record) { r.Reason = "forged" })
	if report := mustVerify(t, dir, first); report.Bad != nil || report.Witnessed != 1 || report.Records != 35 {
		t.Errorf("rewritten, and whole in itself: %+v", report)
	}
	for _, w := range []Witnessed{middle, last} {
		report := mustVerify(t, dir, w)
		want := fmt.Sprintf("record %d is not the one that was written: the witness has its hash", w.Seq)
		if report.Bad == nil || report.Bad.Line != int(w.Seq) || !strings.HasPrefix(report.Bad.Why, want) {
			t.Errorf("the head of record %d: %v; want %s", w.Seq, report.Bad, want)
		}
	}
}

func TestAWitnessShowsACutEnd(t *testing.T) {
	dir := t.TempDir()
	l := open(t, dir, november())
	first := mustAppend(t, l, "r1")
	mustAppend(t, l, "r2")
	path := filepath.Join(dir, novemberFile)
	must(t, os.Truncate(path, int64(bytes.IndexByte(contents(t, path), '\n')+1)))
	last := Witnessed{Head: l.Head(), By: "the witness"}
	if report := mustVerify(t, dir, last); report.Bad == nil || report.Bad.String() != "the end of the audit log was cut off: the witness has record 2, the log ends with 1" {
		t.Errorf("cut: %v", report.Bad)
	}
	if report := mustVerify(t, dir, Witnessed{Head: Head{Seq: 1, Hash: first.Hash}}); report.Bad != nil {
		t.Errorf("its twin, a witness of record 1 alone: %v", report.Bad)
	}
	must(t, errors.Join(l.Close(), os.Remove(path))) // Windows lets no open file go
	if report := mustVerify(t, dir, last); report.Bad == nil {
		t.Error("a log that is gone altogether passes")
	}
}

// Comparing with the writer's head shows that the end was cut off.
func TestHeadShowsACutEnd(t *testing.T) {
	dir := t.TempDir()
	l := open(t, dir, november())
	first := mustAppend(t, l, "r1")
	mustAppend(t, l, "r2")
	if report := mustVerify(t, dir); report.Head != l.Head() {
		t.Errorf("untouched: %+v, %+v", report.Head, l.Head())
	}
	path := filepath.Join(dir, novemberFile)
	must(t, os.Truncate(path, int64(bytes.IndexByte(contents(t, path), '\n')+1)))
	if report := mustVerify(t, dir); report.Head == l.Head() || report.Head.Hash != first.Hash || report.Bad != nil {
		t.Errorf("cut: %+v", report)
	}
}

func TestVerifyEmpty(t *testing.T) {
	report, err := Verify(filepath.Join(t.TempDir(), "none"))
	if err != nil || report.Bad != nil || report.Records != 0 || report.Head.Hash != firstPrev {
		t.Errorf("%+v %v", report, err)
	}
}

// Verify notices every single changed byte, and never panics.
func FuzzVerify(f *testing.F) {
	dir := f.TempDir()
	fill(f, dir, 3)
	whole := contents(f, filepath.Join(dir, novemberFile))
	seeds := [][]byte{whole, whole[:len(whole)-1], nil, []byte("\n"), []byte("{}\n"), bytes.ReplaceAll(whole, []byte("r2"), []byte("rx"))}
	if len(whole) == 0 {
		f.Fatal("no seeds")
	}
	for _, seed := range seeds {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		dir := t.TempDir()
		path := filepath.Join(dir, novemberFile)
		must(t, os.WriteFile(path, data, fileMode))
		report := mustVerify(t, dir)
		if report.Bad == nil && report.Records > 0 && report.Records <= 3 && report.Incomplete == 0 && !bytes.HasPrefix(whole, data) {
			checkForged(t, data)
		}
		for range Read(dir, Filter{}) {
		}
		l, err := Open(Config{Dir: dir, Now: november().Now})
		if err != nil {
			t.Fatal(err)
		}
		r, err := l.Append(Record{Decision: Refused})
		if err != nil {
			t.Fatal(err)
		}
		l.Close()
		after := mustVerify(t, dir)
		if after.Head.Hash != r.Hash || (after.Bad == nil) != (report.Bad == nil) {
			t.Fatalf("before %+v %v\nafter  %+v %v", report, report.Bad, after, after.Bad)
		}
	})
}

// checkForged accepts an undetected change only if the chain was hashed again.
func checkForged(t *testing.T, data []byte) {
	for line := range bytes.Lines(data) {
		if _, err := parse(bytes.TrimSuffix(line, []byte("\n"))); err != nil {
			t.Fatalf("a line with %v was not noticed: %q", err, line)
		}
	}
}
