//go:build linux

package hosts

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"

	"github.com/keybroker/keybroker/lifecycle/authorized"
	"github.com/keybroker/keybroker/problem"
)

// Each kind of failure is known, has a remedy, and its cause is the one that was made: the
// same server lets in without it.
func TestKindsOfFailure(t *testing.T) {
	for name, c := range map[string]struct {
		options []string
		prepare func(*server)
		target  string
		kind    Kind
	}{
		"nothing":          {kind: ""},
		"no such name":     {target: "no-such-host.invalid", kind: Unreachable},
		"refused":          {prepare: func(s *server) { s.listener.Close() }, kind: Unreachable},
		"host key changed": {prepare: func(s *server) { s.write("known_hosts", "web1 "+line(s.newKey("another"))+"\n") }, kind: HostKeyChanged},
		"host key unknown": {prepare: func(s *server) { s.write("known_hosts", "") }, kind: HostKeyUnknown},
		"not let in":       {prepare: func(s *server) { must(s.t, os.Remove(s.keys)) }, kind: PermissionDenied},
		"no SFTP":          {options: []string{"Subsystem other internal-sftp"}, kind: NoSFTP},
		"SFTP fails":       {options: []string{"Subsystem sftp sh -c 'exit 3'"}, kind: NoSFTP},
		"noise":            {options: []string{`Subsystem sftp sh -c "echo Welcome to web1, where all is well; exec cat"`}, kind: Noise},
		"too many keys":    {options: []string{"MaxAuthTries 2"}, prepare: (*server).manyKeys, kind: TooManyKeys},
		"an option":        {target: "-oProxyCommand=true", kind: BadTarget},
		"an option's user": {target: "root@-oProxyCommand=true", kind: BadTarget},
		"empty":            {target: "", kind: BadTarget},
		"hangs":            {prepare: (*server).hang, kind: Unreachable},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newServer(t, c.options...)
			if c.prepare != nil {
				c.prepare(s)
			}
			target := c.target
			if target == "" && name != "empty" {
				target = me(t) + "@" + s.name
			}
			d := s.dialer()
			if name == "hangs" {
				d.Timeout = time.Second
			}
			h, err := d.Dial(t.Context(), target)
			if err == nil {
				h.Close()
			}
			if KindOf(err) != c.kind || (err != nil) != (c.kind != "") {
				t.Fatalf("%v (%q), want %q", err, KindOf(err), c.kind)
			}
			if err != nil && (problem.Remedy(err) == "" || strings.Contains(err.Error(), "debug1")) {
				t.Errorf("%v, remedy %q", err, problem.Remedy(err))
			}
		})
	}
}

// manyKeys puts keys that the server does not know before the one that it knows.
func (s *server) manyKeys() {
	config := s.text("ssh_config")
	for i := range 4 {
		name := fmt.Sprint("key", i)
		s.newKey(name)
		config = "IdentityFile " + s.path(name) + "\n" + config
	}
	s.write("ssh_config", config)
}

// hang makes the port answer to nothing.
func (s *server) hang() {
	s.listener.Close()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	must(s.t, err)
	s.t.Cleanup(func() { listener.Close() })
	s.write("ssh_config", fmt.Sprintf("Port %d\n", listener.Addr().(*net.TCPAddr).Port)+s.text("ssh_config"))
}

// An interrupted login is that, and leaves no ssh behind.
func TestDialInterrupted(t *testing.T) {
	s := newServer(t)
	s.hang()
	ctx, cancel := context.WithCancelCause(t.Context())
	why := errors.New("Ctrl-C")
	time.AfterFunc(100*time.Millisecond, func() { cancel(why) })
	if _, err := s.dialer().Dial(ctx, me(t)+"@web1"); KindOf(err) != Interrupted || !errors.Is(err, why) {
		t.Errorf("%v (%s)", err, KindOf(err))
	}
}

// behind makes the other server the jump host of this one.
func (s *server) behind(jump *server) {
	must(s.t, os.WriteFile(jump.keys, []byte(line(s.login)+"\n"), 0o600))
	port := jump.listener.Addr().(*net.TCPAddr).Port
	s.write("known_hosts", s.text("known_hosts")+"jump "+strings.TrimPrefix(jump.text("known_hosts"), "web1 "))
	s.write("ssh_config", fmt.Sprintf("Host jump\n  HostName 127.0.0.1\n  Port %d\n  HostKeyAlias jump\n  User %s\nHost web1\n  ProxyJump jump\n", port, me(s.t))+s.text("ssh_config"))
}

// A server that takes no more logins at this moment, or a jump host, is tried again. Where a
// key may have been asked for, it is not.
func TestTurnedAway(t *testing.T) {
	s, jump := newServer(t), newServer(t)
	dial := func() (*Host, error) { return s.dialer().Dial(t.Context(), me(t)+"@web1") }
	s.away.Store(maxTries - 1)
	h, err := dial()
	must(t, err)
	defer h.Close()
	s.away.Store(maxTries - 1)
	if p, err := h.Probe(t.Context(), s.newKey("other"), s.login); err != nil || p.Accepted || p.LetInBy != s.keys+":1" {
		t.Errorf("%+v %v", p, err)
	}
	s.tried.Store(0)
	s.away.Store(maxTries)
	if _, err := dial(); KindOf(err) != TurnedAway || s.tried.Load() != maxTries {
		t.Errorf("%v (%s), tried %d times", err, KindOf(err), s.tried.Load())
	}

	closes := s.dialer()
	closes.SSH = s.path("closes")
	must(t, os.WriteFile(closes.SSH, fmt.Appendf(nil, "#!/bin/sh\ncase $* in *-G*) exec ssh \"$@\";; esac\necho once >>%s\nprintf 'debug1: SSH2_MSG_SERVICE_ACCEPT received\\nConnection closed by 127.0.0.1 port 22\\n' >&2\n", s.path("logins")), 0o700))
	if _, err := closes.Dial(t.Context(), me(t)+"@web1"); KindOf(err) != Unreachable || s.text("logins") != "once\n" {
		t.Errorf("after a key was asked for: %v (%s), %q", err, KindOf(err), s.text("logins"))
	}

	s.behind(jump)
	jump.away.Store(maxTries - 1)
	h, err = dial()
	must(t, err)
	h.Close()
	s.listener.Close()
	jump.tried.Store(0)
	if _, err := dial(); KindOf(err) != Unreachable || !strings.Contains(err.Error(), "nothing listens there") || jump.tried.Load() != 1 {
		t.Errorf("nothing behind the jump host: %v (%s), tried %d times", err, KindOf(err), jump.tried.Load())
	}
}

// A jump host's ssh writes a log like that of the ssh that is run. Its host key is not
// taken for the server's.
func TestJumpHost(t *testing.T) {
	s, jump := newServer(t), newServer(t)
	s.behind(jump)
	direct, err := jump.dialer().Dial(t.Context(), me(t)+"@web1")
	if err == nil {
		direct.Close()
		t.Error("the jump host lets another key in: this test is wrong")
	}
	h := s.dial()
	want := strings.Fields(string(s.fingerprint("host_key")))[0]
	if h.Identity().Key != want || h.LetInBy() != s.keys+":1" {
		t.Errorf("%q by %q, want %q", h.Identity().Key, h.LetInBy(), want)
	}
	if p, err := h.Probe(t.Context(), s.newKey("other"), s.login); err != nil || p.Accepted || p.LetInBy != s.keys+":1" {
		t.Errorf("%+v %v", p, err)
	}
}

// fingerprint reads a private key.
func (s *server) fingerprint(name string) string {
	signer, err := ssh.ParsePrivateKey([]byte(s.text(name)))
	must(s.t, err)
	return authorized.Fingerprint(signer.PublicKey().Marshal())
}

// An open ControlMaster of the user does not answer for a key that is gone.
func TestProbeBesideAControlMaster(t *testing.T) {
	s := newServer(t)
	old := s.newKey("old")
	s.write("home/.ssh/authorized_keys", line(s.login)+"\n"+line(old)+"\n")
	s.write("ssh_config", fmt.Sprintf("ControlMaster auto\nControlPath %s\nControlPersist 60\n", s.path("cm"))+s.text("ssh_config"))
	ssh := func(args ...string) error {
		all := append([]string{"-F", s.path("ssh_config"), "-o", "BatchMode=yes"}, args...)
		return exec.Command("ssh", append(all, me(t)+"@web1", "true")...).Run()
	}
	must(t, ssh("-o", "IdentitiesOnly=yes", "-i", s.path("old")))
	t.Cleanup(func() {
		_ = exec.Command("ssh", "-F", s.path("ssh_config"), "-O", "exit", me(t)+"@web1").Run()
	})
	h := s.dial()
	if p, err := h.Probe(t.Context(), old, s.login); err != nil || !p.Accepted {
		t.Errorf("before: %+v %v", p, err)
	}
	_, err := h.Edit(t.Context(), s.keys, quarantine(old))
	must(t, err)
	if err := ssh(); err != nil {
		t.Errorf("the open connection lets nobody in (%v): this test proves nothing", err)
	}
	if p, err := h.Probe(t.Context(), old, s.login); err != nil || p.Accepted || p.LetIn != authorized.Fingerprint(s.login.Marshal()) {
		t.Errorf("after: %+v %v", p, err)
	}
	must(t, exec.Command("ssh", "-F", s.path("ssh_config"), "-O", "exit", me(t)+"@web1").Run())
	if err := ssh("-o", "IdentitiesOnly=yes", "-o", "IdentityFile=none", "-i", s.path("old")); err == nil {
		// ssh_config's own key lets in: that is no answer about the old one
		t.Log("ssh got in with the key of ssh_config")
	}
}

// from= refuses as a missing line does, which the first probe shows.
func TestProbeWithFrom(t *testing.T) {
	s := newServer(t)
	key := s.newKey("key")
	h := s.dial()
	for from, want := range map[string]bool{`from="203.0.113.0/24" `: false, `from="127.0.0.1,::1" `: true, `expiry-time="20200101" `: false, `command="touch RAN" `: true} {
		from = strings.ReplaceAll(from, "RAN", s.path("ran"))
		s.write("home/.ssh/authorized_keys", line(s.login)+"\n"+from+line(key)+"\n")
		if p, err := h.Probe(t.Context(), key, s.login); err != nil || p.Accepted != want || p.LetIn == "" {
			t.Errorf("%s: %+v %v", from, p, err)
		}
	}
	// the door of a key with a forced command is proved, and the command does not run
	s.write("home/.ssh/authorized_keys", fmt.Sprintf("command=\"touch %s\" %s\n", s.path("ran"), line(s.login)))
	if p, err := h.Probe(t.Context(), key, s.login); err != nil || p.LetInBy != s.keys+":1" {
		t.Errorf("%+v %v", p, err)
	}
	if _, err := os.Stat(s.path("ran")); err == nil {
		t.Error("the forced command ran")
	}
}

// An agent with eight keys does not use up the server's patience (MaxAuthTries).
func TestProbeWithEightKeysInTheAgent(t *testing.T) {
	s := newServer(t, "MaxAuthTries 3")
	out, err := exec.Command("ssh-agent", "-s", "-a", s.path("agent")).Output()
	must(t, err)
	_, rest, _ := strings.Cut(string(out), "SSH_AGENT_PID=")
	pid, _, _ := strings.Cut(rest, ";")
	t.Cleanup(func() {
		cmd := exec.Command("ssh-agent", "-k")
		cmd.Env = append(os.Environ(), "SSH_AGENT_PID="+pid)
		_ = cmd.Run()
	})
	for i := range 8 {
		s.newKey(fmt.Sprint("agent", i))
		must(t, exec.Command("env", "SSH_AUTH_SOCK="+s.path("agent"), "ssh-add", "-q", s.path(fmt.Sprint("agent", i))).Run())
	}
	must(t, exec.Command("env", "SSH_AUTH_SOCK="+s.path("agent"), "ssh-add", "-q", s.path("login")).Run())
	must(t, os.Remove(s.path("login"))) // the agent alone has it
	s.write("ssh_config", strings.NewReplacer("IdentityAgent none", "IdentityAgent "+s.path("agent"), "  IdentityFile "+s.path("login")+"\n", "").Replace(s.text("ssh_config")))
	if _, err := s.dialer().Dial(t.Context(), me(t)+"@web1"); KindOf(err) != TooManyKeys {
		t.Errorf("without a key named: %v (%s)", err, KindOf(err))
	}
	d := s.dialer()
	d.Identity = []ssh.PublicKey{s.login}
	h, err := d.Dial(t.Context(), me(t)+"@web1")
	must(t, err)
	defer h.Close()
	other := s.newKey("other")
	if p, err := h.Probe(t.Context(), other, s.login); err != nil || p.Accepted || p.LetIn != authorized.Fingerprint(s.login.Marshal()) || p.LetInBy != s.keys+":1" {
		t.Errorf("%+v %v", p, err)
	}
}

// A run goes on when hosts fail, has no more logins at once than it may, and announces
// its hosts once.
func TestForEach(t *testing.T) {
	s := newServer(t)
	var config strings.Builder
	port := s.listener.Addr().(*net.TCPAddr).Port
	var targets []string
	for i := range 9 {
		targets = append(targets, fmt.Sprintf("%s@h%d", me(t), i))
		fmt.Fprintf(&config, "Host h%d\n  HostName 127.0.0.1\n  Port %d\n  HostKeyAlias web1\n", i, port)
	}
	s.write("ssh_config", config.String()+s.text("ssh_config"))
	targets = append(targets, "nowhere.invalid", "-oops")
	d := s.dialer()
	var announced []string
	withdrawn := 0
	d.Announce = func(_ context.Context, names []string) (func(), error) {
		announced = append(announced, names...)
		return func() { withdrawn++ }, nil
	}
	var now, most atomic.Int32
	var mu sync.Mutex
	seen, failed := 0, map[string]Kind{}
	err := d.ForEach(t.Context(), targets, 3, func(ctx context.Context, h *Host) error {
		n := now.Add(1)
		defer now.Add(-1)
		mu.Lock()
		defer mu.Unlock()
		most.Store(max(most.Load(), n))
		seen++
		if strings.HasSuffix(h.Target(), "h4") {
			return errors.New("no")
		}
		_, _, err := h.ReadFile(ctx, s.keys)
		return err
	}, func(target string, err error) { failed[target] = KindOf(err) })
	if err != nil || seen != 9 || most.Load() > 3 || len(failed) != 3 || failed["nowhere.invalid"] != Unreachable || failed["-oops"] != BadTarget {
		t.Errorf("%v, %d seen, %d at once, %v", err, seen, most.Load(), failed)
	}
	if strings.Join(announced, " ") != "web1 nowhere.invalid" || withdrawn != 1 {
		t.Errorf("announced %q, withdrawn %d times", announced, withdrawn)
	}
}
