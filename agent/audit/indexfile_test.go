package audit

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/keybroker/keybroker/keys"
)

// brokerOn opens a log with an index, as a broker does, that has been read.
func brokerOn(t *testing.T, dir string, c *clock) (*Log, *Index) {
	t.Helper()
	x := NewIndex()
	l, err := Open(Config{Dir: dir, Now: c.Now, Index: x})
	must(t, err)
	t.Cleanup(func() { l.Close() })
	x.Load(t.Context(), dir)
	return l, x
}

// indexedLogs has the directories of indexedLog by their number of logins: a log is made
// once, because each record of it is flushed. TestMain removes them.
var indexedLogs = map[int]string{}

// indexedLog returns a log of n logins in three months, whose broker ended and left an
// index. The log is the caller's own.
func indexedLog(t *testing.T, n int) string {
	t.Helper()
	if indexedLogs[n] == "" {
		dir, err := os.MkdirTemp("", "keybroker-audit-")
		must(t, err)
		indexedLogs[n] = dir
		makeIndexedLog(t, dir, n)
	}
	return copyLog(t, indexedLogs[n])
}

func makeIndexedLog(t *testing.T, dir string, n int) {
	t.Helper()
	c := &clock{now: time.Date(2026, 9, 1, 0, 0, 0, 0, time.UTC)}
	l, _ := brokerOn(t, dir, c)
	appendAll(t, l, starts)
	for i := range n {
		c.set(time.Date(2026, 9+time.Month(3*i/n), 1, 0, 0, i, 0, time.UTC))
		r := login(fmt.Sprint("host", i%7), fmt.Sprint("key", i%3), time.Time{})
		r.ID = fmt.Sprint("r", i)
		if i%100 == 50 {
			r.Decision = Refused
		}
		appendAll(t, l, r)
	}
	appendAll(t, l, ends)
	must(t, l.Close())
}

// copyLog copies a log. It leaves out the lock, which Windows lets nobody read while it
// is held.
func copyLog(t *testing.T, from string) string {
	t.Helper()
	to := t.TempDir()
	entries, err := os.ReadDir(from)
	must(t, err)
	for _, entry := range entries {
		if entry.Type().IsRegular() && entry.Name() != lockName {
			must(t, os.WriteFile(filepath.Join(to, entry.Name()), contents(t, filepath.Join(from, entry.Name())), fileMode))
		}
	}
	return to
}

func appendAll(t *testing.T, l *Log, list ...Record) {
	t.Helper()
	for _, r := range list {
		_, err := l.Append(r)
		must(t, err)
	}
}

// whole is what the log says without its index.
func whole(t *testing.T, dir string) string {
	t.Helper()
	bare := copyLog(t, dir)
	os.Remove(filepath.Join(bare, indexName))
	return summaryOf(t, bare)
}

func summaryOf(t *testing.T, dir string) string {
	t.Helper()
	usage, err := Usage(t.Context(), dir)
	must(t, err)
	text, err := json.Marshal(usage)
	must(t, err)
	return string(text)
}

func isIndexed(dir string) bool {
	_, err := readIndex(dir, withChunks|withSums)
	return err == nil
}

// What the index says is what the log says; the end of the broker writes it.
func TestIndexSaysWhatTheLogSays(t *testing.T) {
	dir := indexedLog(t, 900)
	parts, err := readIndex(dir, withChunks|withSums)
	must(t, err)
	if len(parts) != 3 || !following(parts) || parts[2].Last.Seq != 901 {
		t.Errorf("%d parts", len(parts))
	}
	if got, want := summaryOf(t, dir), whole(t, dir); got != want {
		t.Errorf("with the index %s\nwithout %s", got, want)
	}
	if report := mustVerify(t, dir); report.Bad != nil || report.Records != 902 {
		t.Errorf("%+v", report)
	}
}

// A broker writes its index while it runs, and one that is killed leaves it.
func TestIndexOfABrokerThatIsKilled(t *testing.T) {
	needManyRecords(t)
	dir := t.TempDir()
	l, _ := brokerOn(t, dir, november())
	for i := 0; !isIndexed(dir); i++ {
		appendAll(t, l, login("box", "a", time.Time{}))
		if i > 3*chunkRecords {
			time.Sleep(10 * time.Millisecond) // it is written beside
		}
	}
	killed := copyLog(t, dir)
	if got, want := summaryOf(t, killed), whole(t, killed); got != want || !strings.Contains(got, `"count":`) {
		t.Errorf("with the index %s\nwithout %s", got, want)
	}
	again, x := brokerOn(t, killed, november())
	wantAt(t, x, "box", "a")
	if !x.History.Past(signAt("a", "box")).Known {
		t.Error("it does not know the past")
	}
	appendAll(t, again, login("other", "a", time.Time{}), ends)
	must(t, again.Close())
	if got, want := summaryOf(t, killed), whole(t, killed); got != want || !isIndexed(killed) {
		t.Errorf("with the index %s\nwithout %s", got, want)
	}
}

// An index counts only if the log vouches for it, whatever somebody makes of either.
func TestIndexThatDoesNotCount(t *testing.T) {
	made, other := indexedLog(t, 900), indexedLog(t, 700)
	edit := func(t *testing.T, dir, name string, change func([]byte) []byte) {
		path := filepath.Join(dir, name)
		must(t, os.WriteFile(path, change(contents(t, path)), fileMode))
	}
	september, october, newest := "audit-2026-09.jsonl", "audit-2026-10.jsonl", novemberFile
	for _, test := range []struct {
		name    string
		change  func(t *testing.T, dir string)
		indexed bool
	}{
		{"as it was", func(*testing.T, string) {}, true},
		{"edited", func(t *testing.T, dir string) {
			edit(t, dir, indexName, func(b []byte) []byte { return bytes.Replace(b, []byte("key1"), []byte("key9"), 1) })
		}, false},
		{"cut short", func(t *testing.T, dir string) {
			edit(t, dir, indexName, func(b []byte) []byte { return b[:len(b)/2] })
		}, false},
		{"longer", func(t *testing.T, dir string) {
			edit(t, dir, indexName, func(b []byte) []byte { return append(b, "{}\n"...) })
		}, false},
		{"empty", func(t *testing.T, dir string) {
			edit(t, dir, indexName, func(b []byte) []byte { return nil })
		}, false},
		{"no text", func(t *testing.T, dir string) {
			edit(t, dir, indexName, func(b []byte) []byte { return bytes.Repeat([]byte{0xff}, 1<<20) })
		}, false},
		{"far offset", func(t *testing.T, dir string) {
			edit(t, dir, indexName, func(b []byte) []byte {
				return bytes.Replace(b, []byte(`"to":`), []byte(`"to":9`), 1)
			})
		}, false},
		{"of another log", func(t *testing.T, dir string) {
			edit(t, dir, indexName, func([]byte) []byte { return contents(t, filepath.Join(other, indexName)) })
		}, false},
		{"a link", func(t *testing.T, dir string) {
			must(t, os.Rename(filepath.Join(dir, indexName), filepath.Join(dir, "elsewhere")))
			must(t, os.Symlink("elsewhere", filepath.Join(dir, indexName)))
		}, false},
		{"a directory", func(t *testing.T, dir string) {
			must(t, os.Remove(filepath.Join(dir, indexName)))
			must(t, os.Mkdir(filepath.Join(dir, indexName), 0o700))
		}, false},
		{"of a log that was replaced", func(t *testing.T, dir string) {
			must(t, os.Remove(filepath.Join(dir, september)))
			must(t, os.Remove(filepath.Join(dir, october)))
			must(t, os.Remove(filepath.Join(dir, newest)))
			for _, name := range []string{september, october, newest} {
				must(t, os.WriteFile(filepath.Join(dir, name), contents(t, filepath.Join(other, name)), fileMode))
			}
		}, false},
		{"the end of the log was cut off", func(t *testing.T, dir string) {
			edit(t, dir, newest, func(b []byte) []byte { return b[:bytes.LastIndexByte(b[:len(b)-1], '\n')+1] })
		}, false},
		{"an old month was archived", func(t *testing.T, dir string) { must(t, os.Remove(filepath.Join(dir, september))) }, true},
		{"an old month was replaced", func(t *testing.T, dir string) {
			must(t, os.WriteFile(filepath.Join(dir, september), contents(t, filepath.Join(other, september)), fileMode))
		}, true},
		{"an old month was cut", func(t *testing.T, dir string) {
			edit(t, dir, october, func(b []byte) []byte { return b[:bytes.IndexByte(b, '\n')+1] })
		}, true},
	} {
		t.Run(test.name, func(t *testing.T) {
			dir := t.TempDir()
			must(t, os.CopyFS(dir, os.DirFS(made)))
			test.change(t, dir)
			if isIndexed(dir) != test.indexed {
				t.Errorf("it counts: %v", !test.indexed)
			}
			if got, want := summaryOf(t, dir), whole(t, dir); got != want {
				t.Errorf("with the index %s\nwithout %s", got, want)
			}
		})
	}
}

// Somebody who writes an index and a record that vouches for it has to write the chain
// anew from there on: the broker does not take an index before a break.
func TestIndexWithAForgedRecord(t *testing.T) {
	dir := indexedLog(t, 900)
	path := filepath.Join(dir, indexName)
	forged := bytes.Replace(contents(t, path), []byte(`"count":`), []byte(`"count":9`), 1)
	must(t, os.WriteFile(path, forged, fileMode))
	log := filepath.Join(dir, novemberFile)
	lines := bytes.SplitAfter(contents(t, log), []byte("\n"))
	var end Record
	must(t, json.Unmarshal(lines[len(lines)-2], &end))
	end.Index = hexHash(forged)
	line, err := encode(new(bytes.Buffer), &end)
	must(t, err)
	before := bytes.Join(lines[:len(lines)-2], nil)
	must(t, os.WriteFile(log, bytes.Join([][]byte{before, line, lines[len(lines)-2]}, nil), fileMode))
	if report := mustVerify(t, dir); report.Bad == nil {
		t.Error("the forgery does not show")
	}
	x := NewIndex()
	if _, _, err := x.fromFile(t.Context(), dir); !errors.Is(err, errNoIndex) {
		t.Errorf("the broker takes it: %v", err)
	}
}

// What is written while the old log is still read counts once.
func TestIndexWhileTheLogIsRead(t *testing.T) {
	dir := indexedLog(t, 900)
	must(t, os.Remove(filepath.Join(dir, indexName)))
	x := NewIndex()
	l, err := Open(Config{Dir: dir, Now: november().Now, Index: x})
	must(t, err)
	for range 3 {
		appendAll(t, l, login("box", "late", time.Time{}))
	}
	x.Load(t.Context(), dir)
	appendAll(t, l, login("box", "late", time.Time{}), ends)
	must(t, l.Close())
	usage, err := Usage(t.Context(), dir)
	must(t, err)
	if n := usage["late"].Count; n != 4 || !isIndexed(dir) {
		t.Errorf("%d uses", n)
	}
	if got, want := summaryOf(t, dir), whole(t, dir); got != want {
		t.Errorf("with the index %s\nwithout %s", got, want)
	}
}

// A log that others changed while the broker ran leaves no index of what it was.
func TestIndexOfALogThatWasChanged(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("Windows does not let a file go that is open")
	}
	dir := indexedLog(t, 900)
	l, x := brokerOn(t, dir, november())
	appendAll(t, l, login("box", "a", time.Time{}))
	path := filepath.Join(dir, novemberFile)
	replace(t, path, append(contents(t, path), "{}\n"...))
	_, err := l.Append(ends)
	if err == nil {
		t.Error("the change was not noticed")
	}
	for range minSaved {
		appendAll(t, l, login("box", "a", time.Time{}))
	}
	appendAll(t, l, ends)
	must(t, l.Close())
	if !x.spoiled {
		t.Error("the index goes on")
	}
	sum, err := Usage(t.Context(), dir)
	if n := sum["a"].Count; n != 1+minSaved || err == nil || !strings.Contains(err.Error(), "it is not a record in JSON") {
		t.Errorf("%d uses, %v", n, err)
	}
}

// A second broker on the log does not start, and touches nothing.
func TestIndexAndASecondBroker(t *testing.T) {
	dir := t.TempDir()
	l, _ := brokerOn(t, dir, november())
	appendAll(t, l, starts)
	if _, err := Open(Config{Dir: dir, Index: NewIndex()}); !errors.Is(err, ErrInUse) {
		t.Errorf("%v", err)
	}
}

// What it holds by the log.
func TestHeld(t *testing.T) {
	dir := t.TempDir()
	l, x := brokerOn(t, dir, november())
	appendAll(t, l, holds("a"), holds("b"), loses("a"), uses("c"))
	check := func(x *Index) {
		t.Helper()
		held, known := x.Held(t.Context())
		if fmt.Sprint(held) != "map[b:softkeys c:]" || !known {
			t.Errorf("%v, %v", held, known)
		}
	}
	check(x)
	must(t, l.Close())
	again := NewIndex()
	again.Load(t.Context(), dir)
	check(again)
	stopped, cancel := context.WithCancel(t.Context())
	cancel()
	if _, known := NewIndex().Held(stopped); known {
		t.Error("it knows before it has read")
	}
	if opIndex(keys.OpKeys) == opIndex("later") {
		t.Error("an operation of a later version looks like one of this")
	}
}
