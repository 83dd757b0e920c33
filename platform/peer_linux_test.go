package platform

import (
	"encoding/json"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"strconv"
	"strings"
	"syscall"
	"testing"
)

// accept starts cmd, which connects to path, and ends it with the test.
func accept(t *testing.T, l net.Listener, cmd *exec.Cmd) net.Conn {
	t.Helper()
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	conn, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		conn.Close() // the child ends by it
		cmd.Wait()
	})
	return conn
}

func peerOfConn(t *testing.T, conn net.Conn) Peer {
	t.Helper()
	peer, err := PeerOf(conn)
	if err != nil {
		t.Fatal(err)
	}
	return peer
}

func TestPeerIsSelf(t *testing.T) {
	path := filepath.Join(privateTemp(t), "s")
	l := mustListen(t, path)
	client, err := net.Dial("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	server, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer server.Close()
	open := openFiles(t)
	if peer := peerOfConn(t, server); peer.PID != os.Getpid() {
		t.Errorf("pid %d; want %d", peer.PID, os.Getpid())
	}
	caller, err := CallerOf(server)
	if err != nil || caller.PID != os.Getpid() || !SameUser(caller) || caller.Identified {
		t.Errorf("the caller is %+v, %v", caller, err)
	}
	if now := openFiles(t); now != open {
		t.Errorf("%d open files before, %d after", open, now)
	}
}

// openFiles counts open sockets and processes: listeners open and close other files of their
// own in the background.
func openFiles(t *testing.T) (n int) {
	entries, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	for _, entry := range entries {
		file, _ := os.Readlink("/proc/self/fd/" + entry.Name())
		if strings.HasPrefix(file, "socket:") || strings.Contains(file, "pidfd") {
			n++
		}
	}
	return n
}

// The program that connected ends while another one holds the connection.
func TestPeerGone(t *testing.T) {
	path := filepath.Join(privateTemp(t), "s")
	l := mustListen(t, path)
	cmd := self(t, "leave", path)
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	conn := accept(t, l, cmd)
	if peer := peerOfConn(t, conn); !peer.Identified || peer.PID != cmd.Process.Pid {
		t.Fatalf("while it lives: %+v", peer)
	}
	stdin.Close()
	ended := false
	for !ended { // until it is a zombie: ended, not yet waited for
		st, err := readStat(cmd.Process.Pid)
		if err != nil {
			t.Fatal(err)
		}
		ended = st.state == 'Z'
	}
	want := Peer{User: strconv.Itoa(os.Getuid())}
	if peer := peerOfConn(t, conn); !reflect.DeepEqual(peer, want) {
		t.Errorf("as a zombie: %+v; want %+v", peer, want)
	}
	cmd.Wait()
	if peer := peerOfConn(t, conn); !reflect.DeepEqual(peer, want) {
		t.Errorf("gone: %+v; want %+v", peer, want)
	}
	if peer := peerOfConn(t, conn); peer.Chain() != "unknown program" {
		t.Errorf("chain %q", peer.Chain())
	}
}

// The limit that PeerOf documents: after exec, the new program is seen.
func TestPeerAfterExec(t *testing.T) {
	path := filepath.Join(privateTemp(t), "s")
	l := mustListen(t, path)
	conn := accept(t, l, self(t, "exec", path))
	if peer := peerOfConn(t, conn); peer.Executable != executable(t) {
		t.Errorf("before: %+v", peer)
	}
	if _, err := conn.Write([]byte("12")); err != nil { // the second byte comes back from the cat
		t.Fatal(err)
	}
	if _, err := io.ReadFull(conn, make([]byte, 1)); err != nil {
		t.Fatal(err)
	}
	if peer := peerOfConn(t, conn); peer.Name != "cat" || !peer.Identified {
		t.Errorf("after: %+v", peer)
	}
}

// A TCP socket answers SO_PEERCRED too, with nobody; PeerOf must not.
func TestPeerNeedsUnixSocket(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	tcp, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer tcp.Close()
	pipe, other := net.Pipe()
	defer pipe.Close()
	defer other.Close()
	for _, conn := range []net.Conn{tcp, pipe} {
		if peer, err := PeerOf(conn); err == nil || SameUser(peer) {
			t.Errorf("%T: %+v, %v; want an error", conn, peer, err)
		}
	}
}

// A peer in a pid namespace beside ours has no pid here.
func TestPeerWithoutPid(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("needs root: makes a pid namespace")
	}
	path := filepath.Join(privateTemp(t), "s")
	outside := mustListen(t, path)
	cmd := self(t, "connect", path)
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWPID}
	conn := accept(t, outside, cmd)
	if peer := peerOfConn(t, conn); peer.PID != cmd.Process.Pid || !peer.Identified {
		t.Errorf("a namespace below ours: %+v; want pid %d", peer, cmd.Process.Pid)
	}

	// The other way round: the child in its namespace looks at this process.
	inside := self(t, "peer", path+"2")
	inside.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWPID}
	stdout, _ := inside.StdoutPipe()
	if err := inside.Start(); err != nil {
		t.Fatal(err)
	}
	defer inside.Wait()
	if _, err := io.ReadFull(stdout, make([]byte, len("ready\n"))); err != nil {
		t.Fatal(err)
	}
	client, err := net.Dial("unix", path+"2")
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	var got Peer
	if err := json.NewDecoder(stdout).Decode(&got); err != nil {
		t.Fatal(err)
	}
	if want := (Peer{User: "0"}); !reflect.DeepEqual(got, want) {
		t.Errorf("from inside: %+v; want %+v", got, want)
	}
}

func BenchmarkPeerOf(b *testing.B) {
	path := filepath.Join(b.TempDir(), "d", "s")
	l, err := Listen(path)
	if err != nil {
		b.Fatal(err)
	}
	defer l.Close()
	client, err := net.Dial("unix", path)
	if err != nil {
		b.Fatal(err)
	}
	defer client.Close()
	conn, err := l.Accept()
	if err != nil {
		b.Fatal(err)
	}
	defer conn.Close()
	b.ReportAllocs()
	for b.Loop() {
		if peer, err := PeerOf(conn); err != nil || !peer.Identified {
			b.Fatal(peer, err)
		}
	}
}
