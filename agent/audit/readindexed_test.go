package audit

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"testing"
	"time"

	"github.com/keybroker/keybroker/keys"
)

// needManyRecords skips a test of several chunks where a record takes long to write: what
// is read and counted does not depend on the system.
func needManyRecords(t *testing.T) {
	t.Helper()
	if runtime.GOOS == "windows" {
		t.Skip("14,000 records take minutes in wine")
	}
}

// The index changes what is read, and nothing of what is found.
func TestReadWithAnIndex(t *testing.T) {
	needManyRecords(t)
	dir, bare := indexedLog(t, 14_000), indexedLog(t, 14_000)
	must(t, os.Remove(filepath.Join(bare, indexName)))
	parts, err := readIndex(dir, withChunks|withSums)
	must(t, err)
	chunks := 0
	for _, p := range parts {
		chunks += len(p.Chunks)
	}
	if chunks != 6 {
		t.Fatalf("%d chunks", chunks)
	}
	at := func(month time.Month, second int) time.Time {
		return time.Date(2026, month, 1, 0, 0, second, 0, time.UTC)
	}
	for name, f := range map[string]Filter{
		"the last":              {Last: 3},
		"many":                  {Last: 9000},
		"more than there are":   {Last: 20_000, Decision: Refused},
		"the last refused":      {Last: 1, Decision: Refused},
		"an old refused":        {Last: 1, Decision: Refused, IDs: []string{"r150"}},
		"no refused":            {Last: 1, Decision: Refused, IDs: []string{"r151"}},
		"the start":             {Last: 1, Ops: []keys.Op{keys.OpStart}},
		"the end":               {Ops: []keys.Op{keys.OpEnd}},
		"none of the usual":     {NotOps: []keys.Op{keys.OpSign}},
		"since":                 {Since: at(10, 9000), Last: 2},
		"since and until":       {Since: at(10, 9000), Until: at(10, 9005)},
		"until":                 {Until: at(9, 5)},
		"after":                 {After: 13_990},
		"after, of a kind":      {After: 5000, Until: at(10, 5010)},
		"a key":                 {Key: "key1", Last: 3},
		"a later operation":     {Ops: []keys.Op{"later"}},
		"an operation, refused": {Ops: []keys.Op{keys.OpSign}, Decision: Refused},
	} {
		got, want := read(t, dir, f), read(t, bare, f)
		if ids(got) != ids(want) {
			t.Errorf("%s: %d records with the index, %d without: %.80s … %.80s", name, len(got), len(want), ids(got), ids(want))
		}
	}
	if len(read(t, dir, Filter{Decision: Refused})) != 140 {
		t.Error("not all refusals are there")
	}
}

// Lines that are no records are named, wherever they lie.
func TestReadWrongLineWithAnIndex(t *testing.T) {
	dir := indexedLog(t, 900)
	path := filepath.Join(dir, "audit-2026-10.jsonl")
	lines := bytes.SplitAfter(contents(t, path), []byte("\n"))
	lines[41] = bytes.Replace(lines[41], []byte(`"decision":"allowed"`), []byte(`"decision":"refused"`), 1)
	must(t, os.WriteFile(path, bytes.Join(lines, nil), fileMode))
	if !isIndexed(dir) {
		t.Fatal("the index does not count: nothing is tested")
	}
	want := path + ":42: it was changed: its hash does not fit its contents"
	check := func(f Filter) {
		t.Helper()
		var faults []string
		for _, err := range Read(dir, f) {
			if err != nil {
				faults = append(faults, err.Error())
			}
		}
		if fmt.Sprint(faults) != "["+want+"]" {
			t.Errorf("%q, not %q", faults, want)
		}
	}
	check(Filter{})
	must(t, os.Remove(filepath.Join(dir, indexName)))
	l, _ := brokerOn(t, dir, november())
	appendAll(t, l, ends)
	must(t, l.Close())
	if !isIndexed(dir) {
		t.Fatal("the index does not count: nothing is tested")
	}
	check(Filter{Ops: []keys.Op{keys.OpStart}, Decision: Refused}) // no record of the month can be chosen
}

// A line in the middle of a month is looked at if it ends a chunk.
func TestCheckReadsTheEndsOfChunks(t *testing.T) {
	needManyRecords(t)
	dir := indexedLog(t, 14_000)
	parts, err := readIndex(dir, withChunks|withSums)
	must(t, err)
	path := filepath.Join(dir, fileOf(parts[1].Month))
	data := contents(t, path)
	end := data[:parts[1].Chunks[0].To]
	i := bytes.LastIndex(end, []byte(`"allowed"`))
	copy(data[i:], `"refused"`)
	must(t, os.WriteFile(path, data, fileMode))
	if report, sure, _ := checkIndexed(dir, 0, nil); sure {
		t.Errorf("%+v", report)
	}
	if report, err := Check(dir); err != nil || report.Bad == nil || report.Bad.Line != parts[1].Chunks[0].Records {
		t.Errorf("%+v, %v", report, err)
	}
}

// Check reads little, and finds what does not have the length or the end that it had.
func TestCheck(t *testing.T) {
	const october = "audit-2026-10.jsonl"
	edit := func(name string, change func([]byte) []byte) func(*testing.T, string) {
		return func(t *testing.T, dir string) {
			path := filepath.Join(dir, name)
			must(t, os.WriteFile(path, change(contents(t, path)), fileMode))
		}
	}
	for _, test := range []struct {
		name   string
		change func(t *testing.T, dir string)
		sure   bool
		bad    bool
	}{
		{"as it was", func(*testing.T, string) {}, true, false},
		{"a line is missing", edit(october, func(b []byte) []byte { return b[bytes.IndexByte(b, '\n')+1:] }), false, true},
		{"a line is there twice", edit(october, func(b []byte) []byte { return append(bytes.Clone(b[:bytes.IndexByte(b, '\n')+1]), b...) }), false, true},
		{"the last line of a chunk was changed", edit(october, func(b []byte) []byte {
			i := bytes.LastIndex(b, []byte(`"allowed"`))
			return append(append(bytes.Clone(b[:i]), `"refused"`...), b[i+9:]...)
		}), false, true},
		{"a month is missing", func(t *testing.T, dir string) { must(t, os.Remove(filepath.Join(dir, october))) }, false, true},
		{"the oldest month is missing", func(t *testing.T, dir string) { must(t, os.Remove(filepath.Join(dir, "audit-2026-09.jsonl"))) }, true, true},
		{"what follows the index was changed", edit(novemberFile, func(b []byte) []byte {
			return bytes.Replace(b, []byte(`"decision":"note"`), []byte(`"decision":"nota"`), 1)
		}), false, true},
	} {
		t.Run(test.name, func(t *testing.T) {
			dir := indexedLog(t, 900)
			test.change(t, dir)
			report, sure, _ := checkIndexed(dir, 0, nil)
			if sure != test.sure || sure && (report.Bad != nil) != test.bad {
				t.Errorf("%+v, sure %v", report, sure)
			}
			whole := mustVerify(t, dir)
			if (whole.Bad != nil) != test.bad {
				t.Errorf("verify: %+v", whole)
			}
			if sure && (report.Records != whole.Records || report.Head != whole.Head || report.Unread+1 != report.Records) {
				t.Errorf("%+v, verify %+v", report, whole)
			}
			if sure && test.bad && *report.Bad != *whole.Bad {
				t.Errorf("%+v, verify %+v", report.Bad, whole.Bad)
			}
		})
	}
}
