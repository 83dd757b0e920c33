package checkpoint

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/keybroker/keybroker/agent/audit"
)

func example() Checkpoint {
	return Checkpoint{First: strings.Repeat("a", 64), Seq: 12, Hash: strings.Repeat("b", 64), Time: time.Date(2026, 11, 27, 12, 0, 0, 0, time.UTC), Machine: "box", User: "1000"}
}

func TestParse(t *testing.T) {
	c := example()
	if got, err := Parse(c.Text()); err != nil || got != c {
		t.Errorf("%+v, %v", got, err)
	}
	text := string(c.Text())
	for _, wrong := range []string{"", "hello", text + "\n", "x" + text, strings.ReplaceAll(text, "\n", "\r\n"),
		strings.Replace(text, "record: 12", "record: 0", 1), strings.Replace(text, "record: 12", "record: 012", 1), strings.Replace(text, "record: 12", "record: 99999999999999999999", 1),
		strings.Replace(text, "12:00:00Z", "12:00:00.5Z", 1), strings.Replace(text, "whole", "changed", 1), strings.Replace(text, "aaa", "AAA", 1),
		strings.Replace(text, "user: 1000", "user: 1000\nlast record: 13", 1), strings.Replace(text, "box", strings.Repeat("x", maxText), 1)} {
		if got, err := Parse([]byte(wrong)); err == nil || err.Error() != "it is not a checkpoint of an audit log that keybroker wrote" {
			t.Errorf("%.60q: %+v, %v", wrong, got, err)
		}
	}
}

func TestNew(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "audit")
	log, err := audit.Open(audit.Config{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	if _, err := New(dir, log.Head(), time.Now(), "box", "1000"); err == nil || err.Error() != "the audit log is empty" {
		t.Errorf("an empty log: %v", err)
	}
	first, err := log.Append(audit.Record{Decision: audit.Note, Reason: "first"})
	if err != nil {
		t.Fatal(err)
	}
	c, err := New(dir, log.Head(), time.Now(), "box\nuser: root ", " 1000\x1b")
	if err != nil || c.First != first.Hash || c.Seq != 1 || c.Hash != first.Hash {
		t.Errorf("%+v, %v", c, err)
	}
	if again, err := Parse(c.Text()); err != nil || again != c || again.User != `1000\x1b` {
		t.Errorf("hostile names: %+v, %v", again, err)
	}
	if err := c.CheckLog(dir); err != nil {
		t.Error(err)
	}
	if err := example().CheckLog(dir); err == nil || !strings.Contains(err.Error(), "begins with another record than the log of user 1000 on box") {
		t.Errorf("another log: %v", err)
	}
}

func FuzzParse(f *testing.F) {
	f.Add(example().Text())
	f.Add([]byte("keybroker audit log checkpoint, version 1\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		if c, err := Parse(text); err == nil && string(c.Text()) != string(text) {
			t.Errorf("%q is read as %q", text, c.Text())
		}
	})
}

func TestSplitIsBounded(t *testing.T) {
	path := filepath.Join(t.TempDir(), "big")
	if err := os.WriteFile(path, make([]byte, maxFile+1), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Read(t.Context(), path, path); err == nil || !strings.Contains(err.Error(), "has more than") {
		t.Error(err)
	}
}
