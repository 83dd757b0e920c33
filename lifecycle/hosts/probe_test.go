//go:build linux

package hosts

import (
	"net"
	"os"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/keybroker/keybroker/lifecycle/authorized"
	"golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/agent"
)

// counting counts signatures.
type counting struct {
	agent.Agent
	signed atomic.Int32
}

func (c *counting) Sign(key ssh.PublicKey, data []byte) (*ssh.Signature, error) {
	c.signed.Add(1)
	return c.Agent.Sign(key, data)
}

// The key that gets in is one that was named, whatever the agent holds and ssh_config
// says: else the key that is about to go would count as another door.
func TestOnlyNamedKeysGetIn(t *testing.T) {
	s := newServer(t)
	other, unknown := s.newKey("other"), s.newKey("unknown")
	s.write("home/.ssh/authorized_keys", line(other)+"\n"+line(s.login)+"\n")
	socket := s.path("agent")
	listener, err := net.Listen("unix", socket)
	must(t, err)
	defer listener.Close()
	held := &counting{Agent: agent.NewKeyring()} // lists other first
	for _, name := range []string{"other", "login"} {
		data, err := os.ReadFile(s.path(name))
		must(t, err)
		private, err := ssh.ParseRawPrivateKey(data)
		must(t, err)
		must(t, held.Add(agent.AddedKey{PrivateKey: private}))
	}
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			go func() {
				defer conn.Close()
				_ = agent.ServeAgent(held, conn)
			}()
		}
	}()
	config, err := os.ReadFile(s.path("ssh_config"))
	must(t, err)
	inFiles := string(config)
	inAgent := strings.NewReplacer("IdentityAgent none", "IdentityAgent "+socket, "  IdentityFile "+s.path("login")+"\n", "").Replace(inFiles)

	s.write("ssh_config", inAgent)
	d := s.dialer()
	d.Identity = []ssh.PublicKey{s.login}
	h, err := d.Dial(t.Context(), me(t)+"@"+s.name)
	must(t, err)
	defer h.Close()
	want := authorized.Fingerprint(s.login.Marshal())
	if got := h.LetIn(); got != want {
		t.Errorf("logged in by %s, want %s", got, want)
	}
	if probed, err := h.Probe(t.Context(), unknown, s.login); err != nil || probed.LetIn != want {
		t.Errorf("%+v, %v; want %s", probed, err, want)
	}

	held.signed.Store(0)
	if probed, err := h.Probe(t.Context(), s.newKey("unknown too"), unknown); KindOf(err) != PermissionDenied || probed.LetIn != "" {
		t.Errorf("%+v, %v", probed, err)
	}
	d.Identity = []ssh.PublicKey{unknown}
	stranger, err := d.Dial(t.Context(), me(t)+"@"+s.name)
	if err == nil {
		stranger.Close()
	}
	if KindOf(err) != PermissionDenied {
		t.Errorf("logged in without a key that is named: %v", err)
	}
	if n := held.signed.Load(); n != 0 {
		t.Errorf("keys that were not named signed %d times", n)
	}

	s.write("ssh_config", inFiles) // names the key of the login
	probed, err := h.Probe(t.Context(), s.login, unknown)
	if err != nil || !probed.Accepted || probed.LetIn != "" || probed.LetInBy != "" {
		t.Errorf("%+v, %v; no named key gets in", probed, err)
	}
	probed, err = h.Probe(t.Context(), s.login, unknown, other) // its twin
	if err != nil || !probed.Accepted || probed.LetIn != "" && probed.LetIn != authorized.Fingerprint(other.Marshal()) {
		t.Errorf("%+v, %v", probed, err)
	}
}
