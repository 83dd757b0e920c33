package audit

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
)

// A change of the file while the daemon runs refuses one request, and is noted.
func TestFileChangedInUse(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("Windows does not let a file go that is open")
	}
	tests := []struct {
		name   string
		change func(t *testing.T, path string)
		why    string // of the refusal and the note
		bad    string // what Verify says then; "" when nothing is lost
	}{
		{"deleted", func(t *testing.T, path string) { must(t, os.Remove(path)) },
			"vanished", "the log begins with record 3: what was before it is missing"},
		{"directory deleted", func(t *testing.T, path string) { must(t, os.RemoveAll(filepath.Dir(path))) },
			"vanished", "the log begins with record 3: what was before it is missing"},
		{"saved by an editor", func(t *testing.T, path string) { replace(t, path, contents(t, path)) },
			"was replaced by another file", ""},
		{"replaced by another", func(t *testing.T, path string) { replace(t, path, []byte("something else")) },
			"was replaced by another file", "the log begins with record 3: what was before it is missing"},
		{"end cut off", func(t *testing.T, path string) {
			data := contents(t, path)
			must(t, os.Truncate(path, int64(bytes.IndexByte(data, '\n')+1)))
		}, "was changed by another program", "record 3 follows record 1: record 2 is missing or moved"},
		{"written to", func(t *testing.T, path string) { appendTo(t, path, "{}\n") },
			"was changed by another program", "it is not a record in JSON"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "audit")
			l := open(t, dir, november())
			mustAppend(t, l, "r1")
			before := mustAppend(t, l, "r2")
			test.change(t, filepath.Join(dir, novemberFile))
			if _, err := l.Append(Record{ID: "refused", Decision: Allowed}); err == nil || !strings.Contains(err.Error(), test.why) {
				t.Fatalf("Append: %v", err)
			}
			if l.Head().Seq != before.Seq {
				t.Errorf("the refused record counts: %+v", l.Head())
			}
			after := mustAppend(t, l, "after")
			if after.Seq < 4 {
				t.Errorf("the chain does not go on from memory: %+v", after)
			}
			if strings.Contains(string(contents(t, filepath.Join(dir, novemberFile))), `"refused"`) {
				t.Error("the refused record is in the log")
			}
			var notes []string
			for r, err := range Read(dir, Filter{Decision: Note}) {
				if err == nil {
					notes = append(notes, r.Reason)
				}
			}
			if len(notes) == 0 || !strings.Contains(notes[0], test.why) || !strings.Contains(notes[0], "after record 2") {
				t.Errorf("notes: %q", notes)
			}
			report := mustVerify(t, dir)
			if got := whyBad(report); got != test.bad {
				t.Errorf("Verify: %q, want %q", got, test.bad)
			}
			if report.Head != l.Head() {
				t.Errorf("head %+v, want %+v", report.Head, l.Head())
			}
			if _, err := Open(Config{Dir: dir}); !errors.Is(err, ErrInUse) {
				t.Errorf("another writer came in: %v", err)
			}
		})
	}
}

func whyBad(r Report) string {
	if r.Bad == nil {
		return ""
	}
	return r.Bad.Why
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func contents(t testing.TB, path string) []byte {
	t.Helper()
	data, err := os.ReadFile(path)
	must(t, err)
	return data
}

func replace(t testing.TB, path string, data []byte) {
	t.Helper()
	must(t, os.WriteFile(path+".new", data, fileMode))
	must(t, os.Rename(path+".new", path))
}

func appendTo(t testing.TB, path, text string) {
	t.Helper()
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_APPEND, 0)
	must(t, err)
	_, err = file.WriteString(text)
	must(t, errors.Join(err, file.Close()))
}

// Appends during an fsync share the next one.
func TestGroupCommit(t *testing.T) {
	const others = 6
	l, err := Open(Config{Dir: t.TempDir(), Durability: Power})
	must(t, err)
	defer l.Close()
	started, written := make(chan struct{}), make(chan struct{})
	var covered []uint64 // by each fsync
	l.fsync = func(file *os.File) error {
		if len(covered) == 0 {
			close(started)
			<-written
			covered = append(covered, 1)
		} else {
			covered = append(covered, l.Head().Seq)
		}
		return file.Sync()
	}
	var group sync.WaitGroup
	group.Go(func() { mustAppend(t, l, "first") })
	<-started
	for i := range others {
		group.Go(func() { mustAppend(t, l, fmt.Sprint(i)) })
	}
	for l.Head().Seq < 1+others {
		runtime.Gosched()
	}
	close(written)
	group.Wait()
	if fmt.Sprint(covered) != fmt.Sprint([]uint64{1, 1 + others}) {
		t.Errorf("fsyncs covered up to %v", covered)
	}
}

func TestFsyncFails(t *testing.T) {
	dir := t.TempDir()
	l, err := Open(Config{Dir: dir, Durability: Power})
	must(t, err)
	defer l.Close()
	mustAppend(t, l, "r1")
	l.fsync = func(*os.File) error { return errors.New("the disk is gone") }
	if _, err := l.Append(Record{ID: "r2"}); !errors.Is(err, errUnsynced) {
		t.Fatalf("got %v", err)
	}
	l.fsync = (*os.File).Sync
	mustAppend(t, l, "r3")
	got := read(t, dir, Filter{})
	if ids(got) != "r1 r2 note r3" || !strings.Contains(got[2].Reason, "fsync failed at record 2: the disk is gone") {
		t.Errorf("got %s: %+v", ids(got), got[2])
	}
	if report := mustVerify(t, dir); report.Bad != nil {
		t.Error(report.Bad)
	}
}

// A record that waits for its fsync when the month ends is synced with that month.
func TestMonthChangeSyncs(t *testing.T) {
	dir, c := t.TempDir(), november()
	l, err := Open(Config{Dir: dir, Durability: Power, Now: c.Now})
	must(t, err)
	defer l.Close()
	var calls atomic.Int32
	started := make(chan struct{})
	var late error // of the fsync that the month's end overtook
	l.fsync = func(file *os.File) error {
		if calls.Add(1) > 1 {
			return file.Sync()
		}
		close(started)
		for l.Head().Seq < 2 {
			runtime.Gosched()
		}
		late = file.Sync()
		return late
	}
	var group sync.WaitGroup
	group.Go(func() { mustAppend(t, l, "november") })
	<-started
	c.set(c.Now().AddDate(0, 1, 0))
	mustAppend(t, l, "december")
	group.Wait()
	if !errors.Is(late, os.ErrClosed) || calls.Load() != 3 {
		t.Errorf("%d fsyncs, the late one: %v", calls.Load(), late)
	}
	if report := mustVerify(t, dir); report.Bad != nil || report.Records != 2 {
		t.Errorf("report %+v", report)
	}
}

// A file that discards what is written to it is not a log, even if the write succeeds.
func TestFileThatKeepsNothing(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("there is no /dev/null")
	}
	dir := t.TempDir()
	l := open(t, dir, november())
	mustAppend(t, l, "a real file")
	path := filepath.Join(dir, novemberFile)
	must(t, os.Remove(path))
	must(t, os.Symlink("/dev/null", path))
	for _, want := range []string{"was replaced by another file", "is a symbolic link", "is a symbolic link"} {
		if _, err := l.Append(Record{Decision: Allowed}); err == nil || !strings.Contains(err.Error(), want) {
			t.Fatalf("got %v, want %q", err, want)
		}
	}
	must(t, os.Remove(path))
	mustAppend(t, l, "a real file again")
}
