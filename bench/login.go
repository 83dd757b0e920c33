//go:build linux

package main

import (
	"bytes"
	"encoding/pem"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"time"

	"github.com/keybroker/keybroker/platform/platformtest"
	"golang.org/x/crypto/ssh"
)

// loginTurns is low, because ssh-agent's turns take seconds.
const loginTurns = 5

// loginConfig lets ssh try all keys: with the usual six tries (MaxAuthTries), an
// agent that offers the right key last could not log in.
const loginConfig = `HostKey %[1]s/host_key
AuthorizedKeysFile %[1]s/authorized_keys
MaxAuthTries 2000
LoginGraceTime 0
PidFile none
UsePAM no
StrictModes no
PermitRootLogin yes
`

// sshLogin is a login with the real ssh, over the loopback, to a real sshd that
// takes one key of many.
type sshLogin struct {
	key, host *key
	learned   map[*agent]bool // the agents that have logged in before
}

func newSSHLogin(k *key) (*sshLogin, error) {
	host, err := newEd25519()
	return &sshLogin{key: k, host: host, learned: map[*agent]bool{}}, err
}

// took is the time of a login in ms.
func (l *sshLogin) took(a *agent) (float64, error) {
	took, _, err := l.again(a)
	return took.Seconds() * 1000, err
}

// offered is how many keys ssh offers until one is accepted.
func (l *sshLogin) offered(a *agent) (float64, error) {
	_, offered, err := l.again(a)
	return float64(offered), err
}

// again logs in, for the second time at least: both agents may have learned.
func (l *sshLogin) again(a *agent) (time.Duration, int, error) {
	if !l.learned[a] {
		if _, _, err := l.once(a); err != nil {
			return 0, 0, err
		}
		l.learned[a] = true
	}
	return l.once(a)
}

func (l *sshLogin) once(a *agent) (time.Duration, int, error) {
	dir, err := os.MkdirTemp("", "keybroker-bench-")
	if err != nil {
		return 0, 0, err
	}
	defer os.RemoveAll(dir)
	release, err := platformtest.SSHDDir()
	if err != nil {
		return 0, 0, err
	}
	defer release()
	if err := l.prepare(dir); err != nil {
		return 0, 0, err
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, 0, err
	}
	served := make(chan error, 1)
	go func() { served <- serveOne(listener, dir) }()
	took, offered, err := client(a, dir, listener.Addr().(*net.TCPAddr).Port)
	_ = listener.Close()
	if serving := <-served; err == nil {
		err = serving
	}
	return took, offered, err
}

// prepare writes the server's files.
func (l *sshLogin) prepare(dir string) error {
	block, err := ssh.MarshalPrivateKey(l.host.private, "")
	if err != nil {
		return err
	}
	for name, data := range map[string][]byte{
		"host_key":        pem.EncodeToMemory(block),
		"authorized_keys": ssh.MarshalAuthorizedKey(l.key.Public),
		"known_hosts":     append([]byte("bench "), ssh.MarshalAuthorizedKey(l.host.Public)...),
		"config":          fmt.Appendf(nil, loginConfig, dir),
	} {
		if err := os.WriteFile(filepath.Join(dir, name), data, 0o600); err != nil {
			return err
		}
	}
	return nil
}

// serveOne serves one connection (sshd -i).
func serveOne(listener net.Listener, dir string) error {
	conn, err := listener.Accept()
	if err != nil {
		return err
	}
	defer conn.Close()
	socket, err := conn.(*net.TCPConn).File()
	if err != nil {
		return err
	}
	defer socket.Close()
	program, err := exec.LookPath("sshd")
	if err != nil {
		program = "/usr/sbin/sshd" // not in everybody's PATH
	}
	cmd := exec.Command(program, "-i", "-f", filepath.Join(dir, "config"), "-E", filepath.Join(dir, "log"))
	cmd.Stdin, cmd.Stdout = socket, socket
	_ = cmd.Run() // ssh reports whether the login worked
	return nil
}

func client(a *agent, dir string, port int) (time.Duration, int, error) {
	cmd := exec.Command("ssh", "-v", "-F", "none", "-p", strconv.Itoa(port), "-o", "HostKeyAlias=bench",
		"-o", "UserKnownHostsFile="+filepath.Join(dir, "known_hosts"), "-o", "GlobalKnownHostsFile=none",
		"-o", "StrictHostKeyChecking=yes", "-o", "BatchMode=yes", "-o", "IdentityFile=none",
		"-o", "PreferredAuthentications=publickey", "127.0.0.1", "true")
	cmd.Env = append(os.Environ(), "SSH_AUTH_SOCK="+a.Socket)
	var said bytes.Buffer
	cmd.Stderr = &said
	begin := time.Now()
	err := cmd.Run()
	took := time.Since(begin)
	if err != nil {
		return 0, 0, fmt.Errorf("ssh: %w\n%.2000s", err, said.String())
	}
	return took, bytes.Count(said.Bytes(), []byte("Offering public key")), nil
}
