package agent

import (
	"crypto/ed25519"
	"fmt"
	"testing"

	"github.com/keybroker/keybroker/platform"
	"golang.org/x/crypto/ssh"
)

// A key is listed first for the ssh with its file on the command line whose parent asked
// for it, until that is withdrawn, and for nobody else.
func TestListFirst(t *testing.T) {
	var s Server
	public, err := ssh.NewPublicKey(ed25519.PublicKey(make([]byte, ed25519.PublicKeySize)))
	if err != nil {
		t.Fatal(err)
	}
	process := func(pid int, start uint64, args ...string) platform.Process {
		return platform.Process{PID: pid, Start: start, Args: args}
	}
	peer := platform.Peer{Identified: true, Process: process(7, 1)}
	withdraw, err := s.ListFirst(peer, public.Marshal(), "/run/a.pub")
	if err != nil {
		t.Fatal(err)
	}
	for what, c := range map[string]struct {
		args   []string
		parent platform.Process
		want   bool
	}{
		"its login":         {[]string{"ssh", "-i", "/run/a.pub", "web1"}, process(7, 1), true},
		"another login":     {[]string{"ssh", "-i", "/run/b.pub", "web1"}, process(7, 1), false},
		"another program":   {[]string{"ssh", "-i", "/run/a.pub", "web1"}, process(8, 1), false},
		"a later program":   {[]string{"ssh", "-i", "/run/a.pub", "web1"}, process(7, 2), false},
		"a part of a value": {[]string{"ssh", "-i/run/a.pub", "web1"}, process(7, 1), false},
	} {
		got := s.first.of(platform.Peer{Identified: true, Process: process(9, 3, c.args...), Parents: []platform.Process{c.parent, process(7, 1)}})
		if (got != nil) != c.want {
			t.Errorf("%s: %v", what, got)
		}
	}
	if _, err := s.ListFirst(peer, public.Marshal(), "/run/a.pub"); err == nil {
		t.Error("one login was told twice")
	}
	withdraw()
	if got := s.first.of(platform.Peer{Process: process(9, 3, "/run/a.pub"), Parents: []platform.Process{process(7, 1)}}); got != nil {
		t.Error("withdrawn, and still listed first")
	}
	for i := range maxListedFirst {
		if _, err := s.ListFirst(peer, public.Marshal(), fmt.Sprint(i)); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := s.ListFirst(peer, public.Marshal(), "one more"); err == nil {
		t.Error("there is no limit")
	}
	for what, c := range map[string]struct {
		peer platform.Peer
		blob []byte
		file string
	}{"no key": {peer, []byte("x"), "f"}, "no file": {peer, public.Marshal(), ""}, "not identified": {platform.Peer{}, public.Marshal(), "f"},
		"a container": {platform.Peer{Identified: true, Container: true, Process: process(1, 1)}, public.Marshal(), "f"}} {
		if _, err := new(Server).ListFirst(c.peer, c.blob, c.file); err == nil {
			t.Errorf("taken: %s", what)
		}
	}
}
