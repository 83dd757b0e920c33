package audit

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/keybroker/keybroker/platform"
)

// A full disk refuses requests; when there is room again, the log continues intact.
func TestDiskFull(t *testing.T) {
	mount := tmpfs(t, "size=64k")
	ballast := filepath.Join(mount, "ballast")
	if err := os.WriteFile(ballast, make([]byte, 24<<10), 0o600); err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(mount, "audit")
	l := open(t, dir, november())
	written := uint64(0)
	var full error
	for range 1000 {
		var r Record
		if r, full = l.Append(FromUse(testUse())); full != nil {
			break
		}
		written = r.Seq
	}
	if !errors.Is(full, syscall.ENOSPC) || !strings.Contains(platform.Text(full), "make room") {
		t.Fatalf("after %d records: %v", written, full)
	}
	if report := mustVerify(t, dir); report.Bad != nil || report.Incomplete != 0 || report.Records != written || report.Head != l.Head() {
		t.Errorf("when full: %+v", report)
	}
	if _, err := l.Append(FromUse(testUse())); !errors.Is(err, syscall.ENOSPC) {
		t.Errorf("still full: %v", err)
	}
	if err := os.Remove(ballast); err != nil {
		t.Fatal(err)
	}
	if r := mustAppend(t, l, "room"); r.Seq != written+1 {
		t.Errorf("record %d after %d", r.Seq, written)
	}
	if report := mustVerify(t, dir); report.Bad != nil || report.Records != written+1 {
		t.Errorf("with room: %+v", report)
	}
	l.Close()
}

// tmpfs mounts a disk for the test.
func tmpfs(t *testing.T, options string) (dir string) {
	if os.Geteuid() != 0 {
		t.Skip("needs root to mount a small tmpfs")
	}
	dir = t.TempDir()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, options); errors.Is(err, syscall.EPERM) {
		t.Skip("root may not mount here (a container)")
	} else if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(dir, 0); err != nil {
			t.Error(err)
		}
	})
	return dir
}

// room sets how many files fit on a disk; the disk itself is one.
func room(t *testing.T, mount string, files int) {
	t.Helper()
	must(t, syscall.Mount("tmpfs", mount, "tmpfs", syscall.MS_REMOUNT, fmt.Sprintf("nr_inodes=%d", files)))
}

// Two brokers that start while the disk has no room for a lock file never write one chain
// at the same time, and the second continues what the first wrote.
func TestTwoWritersWithoutALockFile(t *testing.T) {
	t.Run("nor the directory", func(t *testing.T) {
		mount := tmpfs(t, "nr_inodes=1")
		dir := filepath.Join(mount, "audit")
		first, second := open(t, dir, november()), open(t, dir, november())
		if _, err := first.Append(Record{ID: "full", Decision: Allowed}); !errors.Is(err, syscall.ENOSPC) {
			t.Fatalf("on a full disk: %v", err)
		}
		room(t, mount, 10)
		mustAppend(t, first, "r1")
		if _, err := second.Append(Record{ID: "beside", Decision: Allowed}); !errors.Is(err, ErrInUse) {
			t.Fatalf("beside the first: %v", err)
		}
		mustAppend(t, first, "r2")
		must(t, first.Close())
		if third := mustAppend(t, second, "r3"); third.Seq != 3 || second.Head().Seq != 3 {
			t.Errorf("after the first: %+v", third)
		}
		if _, err := Open(Config{Dir: dir}); !errors.Is(err, ErrInUse) {
			t.Errorf("a third writer: %v", err)
		}
		if report := mustVerify(t, dir); report.Bad != nil || report.Records != 3 || report.Head != second.Head() {
			t.Errorf("%+v", report)
		}
		must(t, second.Close())
	})
	t.Run("but the directory", func(t *testing.T) {
		mount := tmpfs(t, "nr_inodes=2")
		dir := filepath.Join(mount, "audit")
		first := open(t, dir, november())
		if _, err := Open(Config{Dir: dir}); !errors.Is(err, ErrInUse) {
			t.Fatalf("another on the full disk: %v", err)
		}
		room(t, mount, 10)
		if _, err := Open(Config{Dir: dir}); !errors.Is(err, ErrInUse) {
			t.Errorf("another with room, before the first wrote: %v", err)
		}
		mustAppend(t, first, "r1")
		must(t, first.Close())
		must(t, open(t, dir, november()).Close())
	})
}

// What was changed, not continued, by another broker shows.
func TestLogChangedWithoutALockFile(t *testing.T) {
	mount := tmpfs(t, "nr_inodes=4")
	dir := filepath.Join(mount, "audit")
	before := open(t, dir, november())
	mustAppend(t, before, "r1")
	mustAppend(t, before, "r2")
	must(t, before.Close())
	path := filepath.Join(dir, novemberFile)
	must(t, os.Remove(filepath.Join(dir, lockName)))
	room(t, mount, 3)
	l := open(t, dir, november())
	must(t, os.Truncate(path, int64(bytes.IndexByte(contents(t, path), '\n')+1)))
	room(t, mount, 4)
	if r := mustAppend(t, l, "r3"); r.Seq != 3 {
		t.Errorf("the chain does not go on from memory: %+v", r)
	}
	if report := mustVerify(t, dir); whyBad(report) != "record 3 follows record 1: record 2 is missing or moved" {
		t.Errorf("Verify: %q", whyBad(report))
	}
	must(t, l.Close())
}
