//go:build linux

package hosts

import (
	"encoding/binary"
	"errors"
	"io"
	"os"
	"strings"
	"testing"

	"github.com/keybroker/keybroker/lifecycle/authorized"
)

func TestThinPath(t *testing.T) {
	s := newServer(t)
	h := s.dial()
	if h.Identity().Key == "" || h.Identity().Name != "web1" || h.Account() != me(t) || !h.Version().Known() {
		t.Errorf("identity %+v, account %q, version %v", h.Identity(), h.Account(), h.Version())
	}
	if got, want := h.LetIn(), authorized.Fingerprint(s.login.Marshal()); got != want {
		t.Errorf("let in %q, want %q", got, want)
	}
	files, unseen, err := h.Files(t.Context())
	if err != nil || len(files) != 1 || len(unseen) != 0 || files[0].Path != s.keys || string(files[0].Data) != s.read() {
		t.Fatalf("%+v %+v %v", files, unseen, err)
	}
	other := s.newKey("other")
	probed, err := h.Probe(t.Context(), other, s.login)
	if err != nil || probed.Accepted || !probed.Together || probed.LetIn != authorized.Fingerprint(s.login.Marshal()) || probed.LetInBy != s.keys+":1" {
		t.Errorf("before: %+v %v", probed, err)
	}
	edited, err := h.Edit(t.Context(), s.keys, func(old []byte) ([]byte, error) {
		f := authorized.Parse(old)
		_, err := f.Append(line(other))
		return f.Bytes(), err
	})
	if err != nil || edited.Way != Replaced || string(edited.New) != s.read() || !strings.Contains(s.read(), line(other)) {
		t.Errorf("%+v %v", edited, err)
	}
	if backup, err := os.ReadFile(edited.Backup); err != nil || string(backup) != string(edited.Old) {
		t.Errorf("backup: %q %v", backup, err)
	}
	s.noTemps()
	probed, err = h.Probe(t.Context(), other)
	if err != nil || !probed.Accepted {
		t.Errorf("after: %+v %v", probed, err)
	}
}

// TestTargetsThatSSHIsNotGiven: %h of a ProxyCommand goes to a shell.
func TestTargetsThatSSHIsNotGiven(t *testing.T) {
	for _, good := range []string{"web1", "anna@web1", "ssh://anna@web1:2222", "root@fe80::1%eth0", "[::1]", `CORP\anna@web1`, "a@b@web1"} {
		if !isTarget(good) {
			t.Errorf("%q is refused", good)
		}
	}
	for _, bad := range []string{"", "-oProxyCommand=x", "root@-x", "web1\n", "web1 x", "$(id)", "web1;id", "`id`", "'x", "ssh://web1|id", "$USER@web1", "{a,b}"} {
		if isTarget(bad) {
			t.Errorf("%q is taken", bad)
		}
	}
}

// endless is the same bytes again and again.
type endless struct {
	packet []byte
	at     int
}

func (e *endless) Read(b []byte) (int, error) {
	n := copy(b, e.packet[e.at:])
	e.at = (e.at + n) % len(e.packet)
	return n, nil
}

// TestAListingHasAnEnd: a server that lists a directory without end does not fill the memory;
// a file that is as long is read.
func TestAListingHasAnEnd(t *testing.T) {
	for kind, bad := range map[byte]bool{packetName: true, 103: false} { // SSH_FXP_DATA
		packet := make([]byte, 4+1+1000)
		binary.BigEndian.PutUint32(packet, 1001)
		packet[4] = kind
		s := newSnooped(&endless{packet: packet})
		s.begun = true
		n, err := io.Copy(io.Discard, io.LimitReader(s, 2*maxListed))
		if bad && (!errors.Is(err, errEndless) || n > maxListed+1<<20 || !s.endless.Load()) || !bad && (err != nil || n != 2*maxListed) {
			t.Errorf("packets %d: %d bytes, %v", kind, n, err)
		}
	}
}
