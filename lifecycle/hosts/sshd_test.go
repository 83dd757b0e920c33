//go:build linux

package hosts

import (
	"crypto/ed25519"
	"encoding/pem"
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"

	"github.com/keybroker/keybroker/platform/platformtest"
)

// server is a real sshd for the account that runs the tests, with a home directory of
// its own for authorized_keys. It serves each connection with a process of its own
// (sshd -i), so nothing listens after the test.
type server struct {
	t        *testing.T
	dir      string // everything is in it
	keys     string // authorized_keys
	name     string
	login    ssh.PublicKey // lets in, and is in ssh_config
	listener net.Listener
	program  string

	away, tried atomic.Int64 // connections that are still turned away; all of them

	running sync.WaitGroup
}

func TestMain(m *testing.M) {
	if os.Getenv(cutAfterVariable) != "" {
		os.Exit(cutSFTP())
	}
	release, err := platformtest.SSHDDir()
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	code := m.Run()
	release()
	os.Exit(code)
}

const testConfig = `HostKey DIR/host_key
AuthorizedKeysFile DIR/home/.ssh/authorized_keys DIR/home/.ssh/authorized_keys2
PidFile none
UsePAM no
StrictModes no
PermitRootLogin yes
PasswordAuthentication no
KbdInteractiveAuthentication no
PrintMotd no
LogLevel VERBOSE
`

// newServer starts a server. Options are lines of sshd_config that come first. The key of
// the login is the only line of authorized_keys.
func newServer(t *testing.T, options ...string) *server {
	t.Helper()
	program, err := exec.LookPath("/usr/sbin/sshd")
	if err != nil {
		t.Skip("no sshd here")
	}
	s := &server{t: t, dir: shortDir(t), name: "web1", program: program}
	s.keys = s.path("home/.ssh/authorized_keys")
	must(t, os.MkdirAll(s.path("home/.ssh"), 0o700))
	hostKey := s.newKey("host_key")
	s.login = s.newKey("login")
	config := strings.Join(options, "\n") + "\n" + testConfig
	if !strings.Contains(config, "Subsystem") {
		config += "Subsystem sftp internal-sftp\n"
	}
	s.write("sshd_config", strings.ReplaceAll(config, "DIR", s.dir))
	s.write("home/.ssh/authorized_keys", line(s.login)+" login\n")
	s.listener, err = net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	port := s.listener.Addr().(*net.TCPAddr).Port
	s.write("known_hosts", fmt.Sprintf("web1 %s\n", line(hostKey)))
	s.write("ssh_config", strings.ReplaceAll(fmt.Sprintf(`Host web1
  HostName 127.0.0.1
  Port %d
  HostKeyAlias web1
Host *
  UserKnownHostsFile DIR/known_hosts
  GlobalKnownHostsFile /dev/null
  StrictHostKeyChecking yes
  IdentityFile DIR/login
  IdentityAgent none
`, port), "DIR", s.dir))
	go s.serve()
	t.Cleanup(func() {
		s.listener.Close()
		s.running.Wait()
	})
	return s
}

// shortDir is a directory with a name that fits a socket's.
func shortDir(t *testing.T) string {
	dir, err := os.MkdirTemp("", "kbh")
	must(t, err)
	t.Cleanup(func() { os.RemoveAll(dir) })
	return dir
}

func (s *server) serve() {
	for {
		conn, err := s.listener.Accept()
		if err != nil {
			return
		}
		if s.tried.Add(1); s.away.Add(-1) >= 0 { // as sshd does beyond MaxStartups
			conn.Close()
			continue
		}
		socket, err := conn.(*net.TCPConn).File()
		conn.Close()
		if err != nil {
			return
		}
		cmd := exec.Command(s.program, "-i", "-f", s.path("sshd_config"), "-E", s.path("sshd_log"))
		cmd.Stdin, cmd.Stdout, cmd.Env = socket, socket, []string{"PATH=" + os.Getenv("PATH")}
		if cmd.Start() == nil {
			s.running.Go(func() { _ = cmd.Wait() })
		}
		socket.Close()
	}
}

func (s *server) path(name string) string { return filepath.Join(s.dir, name) }

func (s *server) write(name, text string) {
	s.t.Helper()
	must(s.t, os.WriteFile(s.path(name), []byte(text), 0o600))
}

// newKey makes a key and writes its private half.
func (s *server) newKey(name string) ssh.PublicKey {
	s.t.Helper()
	public, private, err := ed25519.GenerateKey(nil)
	must(s.t, err)
	block, err := ssh.MarshalPrivateKey(private, name)
	must(s.t, err)
	s.write(name, string(pem.EncodeToMemory(block)))
	key, err := ssh.NewPublicKey(public)
	must(s.t, err)
	return key
}

func (s *server) dialer() Dialer {
	return Dialer{Config: s.path("ssh_config"), Batch: true, SSHDConfig: s.path("sshd_config"), Backups: s.path("backups"), Pause: time.Millisecond, Settle: time.Millisecond}
}

func (s *server) dial() *Host {
	s.t.Helper()
	return s.dialBy(s.dialer())
}

func (s *server) dialBy(dialer Dialer) *Host {
	s.t.Helper()
	host, err := dialer.Dial(s.t.Context(), me(s.t)+"@"+s.name)
	if err != nil {
		log, _ := os.ReadFile(s.path("sshd_log"))
		s.t.Fatalf("%v\n%s", err, log)
	}
	s.t.Cleanup(func() { host.Close() })
	return host
}

func (s *server) read() string {
	s.t.Helper()
	data, err := os.ReadFile(s.keys)
	must(s.t, err)
	return string(data)
}

// noTemps fails if anything is beside the files that belong there.
func (s *server) noTemps() {
	s.t.Helper()
	entries, err := os.ReadDir(filepath.Dir(s.keys))
	must(s.t, err)
	for _, entry := range entries {
		if strings.HasPrefix(entry.Name(), tempPrefix) {
			s.t.Errorf("%s was left behind", entry.Name())
		}
	}
}

func me(t *testing.T) string {
	t.Helper()
	u, err := user.Current()
	must(t, err)
	return u.Username
}

func line(key ssh.PublicKey) string { return strings.TrimSpace(string(ssh.MarshalAuthorizedKey(key))) }

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
