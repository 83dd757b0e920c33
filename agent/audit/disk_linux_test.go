package audit

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/keybroker/keybroker/platform"
)

// A full disk refuses requests; when there is room again, the log continues intact.
func TestDiskFull(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("needs root to mount a small tmpfs")
	}
	mount := t.TempDir()
	if err := syscall.Mount("tmpfs", mount, "tmpfs", 0, "size=64k"); errors.Is(err, syscall.EPERM) {
		t.Skip("root may not mount here (a container)")
	} else if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(mount, 0); err != nil {
			t.Error(err)
		}
	})
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
