//go:build linux

package hosts

import (
	"encoding/binary"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// Sessions are those that who(1) counts in the same file.
func TestSessions(t *testing.T) {
	s := newServer(t)
	h := s.dial()
	account := me(t)
	record := func(kind uint16, user, line, from string) []byte {
		r := make([]byte, utmpSize)
		binary.NativeEndian.PutUint16(r, kind)
		binary.NativeEndian.PutUint32(r[4:], uint32(os.Getpid()))
		copy(r[8:40], line)
		copy(r[44:76], user)
		copy(r[76:332], from)
		return r
	}
	defer func(before []string) { utmpFiles = before }(utmpFiles)
	for name, c := range map[string]struct {
		records [][]byte
		want    string
	}{
		"none":  {[][]byte{record(2, "reboot", "~", "")}, "none with a terminal"},
		"two":   {[][]byte{record(7, account, "pts/0", "10.0.0.5"), record(8, account, "pts/1", ""), record(7, account, "tty1", ""), record(7, "somebody", "pts/2", "")}, "2 with a terminal: pts/0 from 10.0.0.5, tty1"},
		"odd":   {[][]byte{{1, 2, 3}}, ""},
		"empty": {nil, ""},
	} {
		path := filepath.Join(t.TempDir(), "utmp")
		var data []byte
		for _, r := range c.records {
			data = append(data, r...)
		}
		must(t, os.WriteFile(path, data, 0o644))
		utmpFiles = []string{path + ".missing", path}
		if got := h.Sessions(t.Context()); got != c.want {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
		if name != "two" {
			continue
		}
		out, err := exec.Command("who", path).Output()
		if counted := strings.Count(string(out), account+" "); err != nil || counted != 2 {
			t.Errorf("who counts %d: %q, %v", counted, out, err)
		}
	}
	utmpFiles = nil
	if got := h.Sessions(t.Context()); got != "" {
		t.Errorf("without a file: %q", got)
	}
}
