//go:build unix

package agent

import (
	"path/filepath"
	"syscall"
	"testing"
)

// A FIFO makes the names uncertain and does not block, even if it replaced a file after
// the last read.
func TestKnownHostsThatIsAFIFO(t *testing.T) {
	h := newHost(t)
	fifo := filepath.Join(t.TempDir(), "fifo")
	if err := syscall.Mkfifo(fifo, 0o600); err != nil {
		t.Fatal(err)
	}
	if !looking(NewKnownHosts(hostsText(t, h.line("a")), fifo), nil, "").namesOf(h).Cut {
		t.Error("no doubt")
	}
	if !readHosts(fifo).incomplete {
		t.Error("no doubt of one that was exchanged")
	}
}
