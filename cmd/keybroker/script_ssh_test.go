//go:build linux

package main

import (
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"

	"github.com/rogpeppe/go-internal/testscript"
)

// sshConfig keeps the programs off the files of the person who runs the tests.
const sshConfig = `Host *
  UserKnownHostsFile WORK/home/.ssh/known_hosts
  GlobalKnownHostsFile /dev/null
  StrictHostKeyChecking yes
  BatchMode yes
  IdentityFile none
  PreferredAuthentications publickey
  LogLevel INFO
`

const sshdConfig = `HostKey WORK/sshd-NAME/host_key
AuthorizedKeysFile WORK/authorized_keys
PidFile none
UsePAM no
StrictModes no
PermitRootLogin yes
PasswordAuthentication no
KbdInteractiveAuthentication no
PrintMotd no
LogLevel VERBOSE
Subsystem sftp internal-sftp
`

// cmdSSHD is "sshd NAME [OPTION …]": a host that lets in who holds a key of
// authorized_keys. ssh knows it as NAME, and at its address, and finds its key
// in known_hosts under both names. $NAME is its port. An option comes before those of
// sshdConfig, and so wins.
//
// One sshd serves one connection on a socket that it is given (sshd -i): so the
// port is known beforehand, and nothing runs while nobody is connected.
func cmdSSHD(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) == 0 {
		ts.Fatalf("usage: sshd NAME [OPTION …]")
	}
	work, name := ts.Getenv("WORK"), args[0]
	dir := filepath.Join(work, "sshd-"+name)
	ts.Check(os.Mkdir(dir, 0o700))
	ts.Check(ts.Exec("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "", "-f", filepath.Join(dir, "host_key")))
	config := strings.NewReplacer("WORK", work, "NAME", name).Replace(strings.Join(args[1:], "\n") + "\n" + sshdConfig)
	ts.Check(os.WriteFile(filepath.Join(dir, "config"), []byte(config), 0o600))
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	ts.Check(err)
	port := fmt.Sprint(listener.Addr().(*net.TCPAddr).Port)
	ts.Setenv(name, port)
	appendTo(ts, "home/.ssh/config", fmt.Sprintf("Host %s\n  HostName 127.0.0.1\n  Port %s\n  HostKeyAlias %[1]s\n", name, port))
	appendTo(ts, "home/.ssh/known_hosts", fmt.Sprintf("%s,[127.0.0.1]:%s %s", name, port, ts.ReadFile(filepath.Join(dir, "host_key.pub"))))
	h := &sshHost{listener: listener, program: commandPath(ts, "sshd"), dir: dir}
	go h.serve()
	rigOf(ts).onEnd(h.close)
}

func appendTo(ts *testscript.TestScript, name, text string) {
	f, err := os.OpenFile(filepath.Join(ts.Getenv("WORK"), name), os.O_APPEND|os.O_WRONLY, 0)
	ts.Check(err)
	defer f.Close()
	_, err = f.WriteString(text)
	ts.Check(err)
}

type sshHost struct {
	listener     net.Listener
	program, dir string

	mu      sync.Mutex // guards what follows
	closed  bool
	running []session
}

// session is one connection.
type session struct {
	sshd *process
	conn *net.TCPConn
}

func (h *sshHost) serve() {
	for {
		conn, err := h.listener.Accept()
		if err != nil {
			return
		}
		h.start(conn.(*net.TCPConn))
	}
}

func (h *sshHost) start(conn *net.TCPConn) {
	h.mu.Lock()
	defer h.mu.Unlock()
	socket, err := conn.File()
	if err != nil || h.closed {
		conn.Close()
		return
	}
	defer socket.Close()
	cmd := exec.Command(h.program, "-i", "-f", filepath.Join(h.dir, "config"), "-E", filepath.Join(h.dir, "log"))
	cmd.Stdin, cmd.Stdout = socket, socket
	cmd.Env = []string{"PATH=" + os.Getenv("PATH")}
	p, err := startProcess(cmd)
	go func() {
		<-p.done
		hangUp(conn)
	}()
	if err == nil {
		h.running = append(h.running, session{p, conn})
	}
}

// hangUp reads to the client's end: a connection that is closed with something unread in it
// is reset, and a client that writes last (plink) calls that a failure.
func hangUp(conn *net.TCPConn) {
	_ = conn.CloseWrite()
	_, _ = io.Copy(io.Discard, conn)
	conn.Close()
}

// close hangs up and waits: an sshd that is killed leaves the sockets of forwarded
// agents in /tmp.
func (h *sshHost) close() {
	h.listener.Close()
	h.mu.Lock()
	defer h.mu.Unlock()
	h.closed = true
	for _, s := range h.running {
		_ = s.conn.CloseWrite()
		_ = s.conn.CloseRead()
		select {
		case <-s.sshd.done:
		case <-after(patience):
			s.sshd.kill()
		}
	}
}
