package doctor

import (
	"io/fs"
	"os"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/keybroker/keybroker/piv"
	"github.com/keybroker/keybroker/platform"
)

// A part that hangs is named, and the others are there, in order.
func TestPartThatHangs(t *testing.T) {
	never := make(chan struct{})
	t.Cleanup(func() { close(never) })
	checks := examine([]part{
		{"first", func() []Check { return []Check{fine("first", "")} }},
		{"stuck", func() []Check { <-never; return nil }},
		{"last", func() []Check { return []Check{fine("last", "")} }},
	}, 20*time.Millisecond)
	if len(checks) != 3 || checks[0].Name != "first" || checks[2].Name != "last" {
		t.Fatal(checks)
	}
	if c := checks[1]; c.Name != "stuck" || c.Result != fail || !strings.Contains(c.Text, "no answer within 20ms") {
		t.Error(c)
	}
}

// What --fix takes away are permissions alone, and the commands that it shows do the same.
func TestFixOfAModeKeepsTheOtherBits(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("modes say nothing there")
	}
	dir := t.TempDir()
	if err := os.Chmod(dir, 0o777|fs.ModeSetgid|fs.ModeSticky); err != nil {
		t.Fatal(err)
	}
	fix := chmodFix(dir, 0o755)
	if fix == nil || !strings.HasPrefix(fix.What, "chmod 3755 ") || !strings.HasPrefix(fix.Undo, "chmod 3777 ") {
		t.Fatalf("%+v", fix)
	}
	if err := fix.Do(); err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(dir); err != nil || info.Mode() != fs.ModeDir|fs.ModeSetgid|fs.ModeSticky|0o755 {
		t.Errorf("%v, %v", info.Mode(), err)
	}
}

func TestClock(t *testing.T) {
	now := time.Now()
	for _, c := range []struct {
		last         time.Time
		synchronized bool
		want         string
	}{{now.Add(-time.Hour), true, ok}, {time.Time{}, true, ok}, {now.Add(clockSlack / 2), true, ok}, {now.Add(time.Hour), true, fail}, {now, false, note}} {
		if got := clockCheck(now, c.last, c.synchronized); got.Result != c.want || (got.Remedy == "") != (c.want == ok) {
			t.Errorf("%+v: %+v", c, got)
		}
	}
}

func TestReaders(t *testing.T) {
	gpg := []cardProgram{cardProgramOf(platform.Process{PID: 7, Name: "scdaemon"})}
	for _, c := range []struct {
		use    piv.ReaderUse
		others []cardProgram
		want   string
		text   string
	}{
		{piv.ReaderUse{}, nil, ok, "no card"},
		{piv.ReaderUse{Card: true, InUse: true}, nil, ok, "a card"},
		{piv.ReaderUse{Card: true, InUse: true}, gpg, note, "also used by gpg's scdaemon (process 7)"},
		{piv.ReaderUse{Card: true, Exclusive: true}, gpg, fail, "keeps all others from the card: gpg's scdaemon (process 7)"},
		{piv.ReaderUse{Card: true, Exclusive: true}, nil, fail, "another program"},
	} {
		if got := checkReader("smartcards", c.use, c.others); got.Result != c.want || !strings.Contains(got.Text, c.text) {
			t.Errorf("%+v: %+v", c, got)
		}
	}
}

// The kernel cuts the name of a process whose program it does not show.
func TestAgentNames(t *testing.T) {
	for name, want := range map[string]string{"ssh-agent": "OpenSSH's ssh-agent", "gnome-keyring-d": "gnome-keyring", "gnome-keyring-daemon": "gnome-keyring", "ssh-agents": ""} {
		got := ""
		if i := agentOf(platform.Process{Name: name}); i >= 0 {
			got = known[i].name
		}
		if got != want {
			t.Errorf("%s: %q", name, got)
		}
	}
}

func TestQuoted(t *testing.T) {
	for path, want := range map[string]string{"/a/b-c": "/a/b-c", "/a b": "'/a b'", "/it's": `'/it'\''s'`, "/a\nrm": `'/a\x0arm'`, "/$(x)": "'/$(x)'"} {
		if got := quoted(path); got != want {
			t.Errorf("%q: %s, not %s", path, got, want)
		}
	}
}

// Of agents that hide, the one whose usual path it is serves the socket, probably.
func TestAgentsThatHide(t *testing.T) {
	list := []platform.Process{{PID: 1, Name: "bash"}, {PID: 2, Name: "ssh-agent"}, {PID: 3, Name: "gpg-agent"}, {PID: 4, Name: "keybroker"}}
	for socket, want := range map[string]int{"/run/user/1/gnupg/S.gpg-agent.ssh": 3, "/tmp/ssh-XX/agent.1": 2} {
		if got := agentsAmong(list, socket, false); len(got) != 1 || got[0].PID != want {
			t.Errorf("%s: %v", socket, got)
		}
	}
	if got := agentsAmong(list, "/elsewhere", false); len(got) != 2 {
		t.Errorf("elsewhere: %v", got)
	}
	if got := agentsAmong(list[:1], "/elsewhere", true); len(got) != 1 {
		t.Errorf("for sure: %v", got)
	}
}
