//go:build unix

package sshagent

import (
	"crypto/rand"
	"crypto/sha512"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/keybroker/keybroker/platform"
	"github.com/keybroker/keybroker/problem"
	"golang.org/x/sys/unix"
)

const (
	// socketTries bounds the search for a free name among 62^10.
	socketTries = 8
	// staleAge spares sockets of agents that may be starting.
	staleAge = time.Hour
	// hostLetters is how much of the host name's hash a socket's name contains: a
	// home shared by several machines has sockets of all of them.
	hostLetters = 10
)

// agentSocket is the agent's socket and the files to remove with it.
type agentSocket struct {
	Path   string // as the user gave it; "": a service manager's
	Remove string // absolute path to remove; "": none
	Dir    string // temporary directory to remove; "": none
}

func (s agentSocket) remove() {
	if s.Remove != "" {
		_ = os.Remove(s.Remove)
	}
	if s.Dir != "" {
		_ = os.Remove(s.Dir)
	}
}

// listen makes the socket where OpenSSH 10 makes it: at the path of -a, with -T in a new
// directory in $TMPDIR, otherwise in ~/.ssh/agent.
func (o options) listen() (*net.UnixListener, agentSocket, error) {
	switch {
	case o.socket != "":
		return listenAt(o.socket, "")
	case o.isSocketActivated():
		listener, err := inheritedSocket(listenFD)
		return listener, agentSocket{}, err
	case o.temporary:
		dir, err := os.MkdirTemp("", "ssh-")
		if err != nil {
			return nil, agentSocket{}, err
		}
		return listenAt(filepath.Join(dir, fmt.Sprintf("agent.%d", os.Getpid())), dir)
	}
	if !o.keepStale {
		_ = cleanStaleSockets(false, false) // stale sockets do no harm
	}
	return listenAtHome()
}

func listenAt(path, dir string) (*net.UnixListener, agentSocket, error) {
	socket := agentSocket{Path: path, Dir: dir}
	listener, err := platform.BindSocket(path)
	if err == nil {
		socket.Remove, err = filepath.Abs(path)
	}
	if err != nil {
		socket.remove()
		return nil, agentSocket{}, err
	}
	return listener, socket, nil
}

func listenAtHome() (*net.UnixListener, agentSocket, error) {
	dir, err := socketDir()
	if err != nil {
		return nil, agentSocket{}, err
	}
	for _, made := range []string{filepath.Dir(dir), dir} {
		if err := os.Mkdir(made, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
			return nil, agentSocket{}, err
		}
	}
	for range socketTries {
		name := fmt.Sprintf("s.%s.agent.%s", hostHash(), rand.Text()[:10])
		var listener *net.UnixListener
		var socket agentSocket
		listener, socket, err = listenAt(filepath.Join(dir, name), "")
		if !errors.Is(err, unix.EADDRINUSE) {
			return listener, socket, err
		}
	}
	return nil, agentSocket{}, err
}

// socketDir is in the home directory of the user database, or in HOME.
func socketDir() (string, error) {
	home := os.Getenv("HOME")
	if me, err := user.Current(); home == "" && err == nil {
		home = me.HomeDir
	}
	if home == "" {
		return "", problem.New("there is no home directory for the socket", "name a place: ssh-agent -a PATH, or ssh-agent -T")
	}
	return filepath.Join(home, ".ssh", "agent"), nil
}

// hostHash distinguishes machines that share a home, as in OpenSSH.
func hostHash() string {
	const letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
	name, _ := os.Hostname()
	sum := sha512.Sum512([]byte(name))
	text := make([]byte, hostLetters)
	for i := range text {
		text[i] = letters[int(sum[i])%len(letters)]
	}
	return string(text)
}

// cleanStaleSockets removes the sockets in ~/.ssh/agent that no process serves any more:
// those of this machine, or with all those of every machine.
func cleanStaleSockets(all, tell bool) error {
	dir, err := socketDir()
	if err != nil {
		return err
	}
	entries, err := os.ReadDir(dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	for _, entry := range entries {
		ours := all || strings.HasPrefix(entry.Name(), "s."+hostHash()+".")
		if ours && entry.Type() == fs.ModeSocket && isStale(filepath.Join(dir, entry.Name())) {
			_ = os.Remove(filepath.Join(dir, entry.Name()))
		}
	}
	if tell {
		fmt.Println("Deleted stale agent sockets in ~/.ssh/agent")
	}
	return nil
}

// isStale relies on a refused connection: only that proves that nobody listens.
func isStale(path string) bool {
	info, err := os.Lstat(path)
	if err != nil || time.Since(info.ModTime()) < staleAge {
		return false
	}
	conn, err := net.DialTimeout("unix", path, time.Second)
	if err == nil {
		conn.Close()
	}
	return errors.Is(err, unix.ECONNREFUSED)
}

// isSocketActivated reports whether a service manager passes the socket (sd_listen_fds(3)).
func (o options) isSocketActivated() bool {
	return (o.foreground || o.debug) && os.Getenv("LISTEN_FDS") == "1" && os.Getenv("LISTEN_PID") == strconv.Itoa(os.Getpid())
}

// inheritedSocket is a listening socket that this process inherited.
func inheritedSocket(fd int) (*net.UnixListener, error) {
	unix.CloseOnExec(fd)
	file := os.NewFile(uintptr(fd), "socket")
	defer file.Close()
	listener, err := net.FileListener(file)
	if err != nil {
		return nil, fmt.Errorf("the socket that was passed: %w", err)
	}
	unixListener, ok := listener.(*net.UnixListener)
	if !ok {
		listener.Close()
		return nil, errors.New("the socket that was passed is not a Unix socket")
	}
	unixListener.SetUnlinkOnClose(false)
	return unixListener, nil
}
