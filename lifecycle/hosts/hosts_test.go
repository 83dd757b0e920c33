//go:build linux

package hosts

import (
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
