package audit

import (
	"errors"
	"fmt"
	"os"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// Records that arrive during a slow write share the next one, so that 64 clients wait
// for two writes and not for 64.
func TestSlowWritesAreShared(t *testing.T) {
	dir := t.TempDir()
	l := open(t, dir, november())
	var writes atomic.Int32
	begun, others := make(chan struct{}), make(chan struct{})
	l.put = func(file *os.File, lines []byte) (int, error) {
		if writes.Add(1) == 1 {
			close(begun)
			<-others
		}
		return file.Write(lines)
	}
	var group sync.WaitGroup
	group.Go(func() { mustAppend(t, l, "slow") })
	<-begun
	const clients = 64
	for i := range clients {
		group.Go(func() { mustAppend(t, l, fmt.Sprint(i)) })
	}
	for waiting := 0; waiting < clients; {
		l.mu.Lock()
		waiting = len(l.queue)
		l.mu.Unlock()
	}
	close(others)
	group.Wait()
	if n := writes.Load(); n != 2 {
		t.Errorf("%d writes", n)
	}
	if report := mustVerify(t, dir); report.Bad != nil || report.Records != 1+clients || report.Head != l.Head() {
		t.Errorf("%+v", report)
	}
}

// A batch that fails refuses only the records that cannot be written by themselves.
func TestBatchThatFails(t *testing.T) {
	dir := t.TempDir()
	l := open(t, dir, november())
	begun, others := make(chan struct{}), make(chan struct{})
	first := true
	l.put = func(file *os.File, lines []byte) (int, error) {
		switch {
		case first:
			first = false
			close(begun)
			<-others
		case strings.Count(string(lines), "\n") > 1, strings.Contains(string(lines), `"large"`):
			n, err := file.Write(lines[:10])
			return n, errors.Join(err, errors.New("no room"))
		}
		return file.Write(lines)
	}
	var group sync.WaitGroup
	group.Go(func() { mustAppend(t, l, "r1") })
	<-begun
	var refused error
	group.Go(func() { mustAppend(t, l, "r2") })
	group.Go(func() { _, refused = l.Append(Record{ID: "large", Decision: Allowed}) })
	group.Go(func() { mustAppend(t, l, "r3") })
	for waiting := 0; waiting < 3; {
		l.mu.Lock()
		waiting = len(l.queue)
		l.mu.Unlock()
	}
	close(others)
	group.Wait()
	if refused == nil || !strings.Contains(refused.Error(), "no room") {
		t.Errorf("the large one: %v", refused)
	}
	if report := mustVerify(t, dir); report.Bad != nil || report.Records != 3 || report.Incomplete != 0 {
		t.Errorf("%+v", report)
	}
}

// With durability "process" nobody waits for the disk, but what is written is brought
// there soon, also at the end.
func TestRecordsAreFlushed(t *testing.T) {
	dir := t.TempDir()
	l := open(t, dir, november())
	flushed := make(chan struct{}, 1)
	l.fsync = func(file *os.File) error {
		flushed <- struct{}{}
		return file.Sync()
	}
	mustAppend(t, l, "r1")
	<-flushed
	mustAppend(t, l, "r2")
	go l.Close()
	<-flushed
}

// A disk that cannot flush is noted once, and refuses nothing: the answers are out.
func TestFailedFlushIsNoted(t *testing.T) {
	dir := t.TempDir()
	l := open(t, dir, november())
	mustAppend(t, l, "r1")
	l.fsync = func(*os.File) error { return errors.New("the disk is gone") }
	for range 3 {
		l.flush()
	}
	mustAppend(t, l, "r2")
	l.flush()
	l.fsync = (*os.File).Sync
	l.flush()
	if l.synced != 3 {
		t.Errorf("synced %d", l.synced)
	}
	mustAppend(t, l, "r3")
	got := read(t, dir, Filter{})
	if ids(got) != "r1 note r2 r3" || !strings.Contains(got[1].Reason, "could not be flushed to the disk at record 1: the disk is gone") {
		t.Errorf("got %s: %+v", ids(got), got[1])
	}
}

// BenchmarkSlowDisk is 64 clients on a disk whose every write takes 20 ms.
func BenchmarkSlowDisk(b *testing.B) {
	l := open(b, b.TempDir(), november())
	l.put = func(file *os.File, lines []byte) (int, error) {
		time.Sleep(20 * time.Millisecond)
		return file.Write(lines)
	}
	b.SetParallelism(64 / runtime.GOMAXPROCS(0))
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			mustAppend(b, l, "r")
		}
	})
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "records/s")
}

// A flush for the index takes no failure away from the Append that waits for the disk.
func TestFlushWithPower(t *testing.T) {
	l, err := Open(Config{Dir: t.TempDir(), Durability: Power, Now: november().Now})
	must(t, err)
	defer l.Close()
	l.fsync = func(*os.File) error {
		l.fsync = (*os.File).Sync // the kernel reports a failure only once
		return errors.New("the disk is gone")
	}
	must(t, l.write(&Record{ID: "r1", Decision: Allowed}))
	l.flush()
	if err := l.sync(1); !errors.Is(err, errUnsynced) {
		t.Errorf("%v", err)
	}
}
