package platform

import (
	"context"
	"errors"
	"net"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"golang.org/x/sys/windows"
)

// connectChild connects to the pipe that its first argument names, and stays
// until the other end closes it.
func connectChild(args []string) error {
	conn, err := Dial(context.Background(), args[0])
	if err != nil {
		return err
	}
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(patience))
	_, _ = conn.Read(make([]byte, 1))
	return nil
}

func TestPeerThroughAShell(t *testing.T) {
	path := pipePath(t)
	l := mustListen(t, path)
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := self(t, "connect")
	shell, err := windows.GetSystemDirectory()
	if err != nil {
		t.Fatal(err)
	}
	cmd.Path = filepath.Join(shell, "cmd.exe")
	cmd.Args = []string{"cmd", "/c", exe, path, "two words"}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	conn := mustAccept(t, l)
	peer, err := PeerOf(conn)
	conn.Close()
	if err := errors.Join(err, cmd.Wait()); err != nil {
		t.Fatal(err)
	}
	if peer.User != currentUser() || !SameUser(peer) || !peer.Identified {
		t.Errorf("user %q, identified %v", peer.User, peer.Identified)
	}
	if !sameFile(peer.Executable, exe) || peer.Name != programName(exe) {
		t.Errorf("executable %q, name %q; want %q", peer.Executable, peer.Name, exe)
	}
	if len(peer.Args) != 3 || !slices.Equal(peer.Args[1:], []string{path, "two words"}) {
		t.Errorf("args %q", peer.Args)
	}
	if len(peer.Parents) < 2 || peer.Parents[0].Name != "cmd" || peer.Parents[1].PID != os.Getpid() {
		t.Fatalf("parents %+v; want the shell and this test, %d", peer.Parents, os.Getpid())
	}
	if here := peer.Parents[1]; here.Start == 0 || here.Start > peer.Start {
		t.Errorf("this test began at %d, and the peer at %d", here.Start, peer.Start)
	}
	if peer.Background() {
		t.Error("it counts as one that nobody sits before")
	}
}

func sameFile(a, b string) bool {
	one, err1 := os.Stat(a)
	two, err2 := os.Stat(b)
	return err1 == nil && err2 == nil && os.SameFile(one, two)
}

func TestPeerThatHasEnded(t *testing.T) {
	path := pipePath(t)
	l := mustListen(t, path)
	cmd := self(t, "connect", path)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	conn := mustAccept(t, l)
	if peer, err := PeerOf(conn); err != nil || !peer.Identified || peer.PID != cmd.Process.Pid {
		t.Errorf("while it lives: %+v, %v", peer, err)
	}
	cmd.Process.Kill()
	cmd.Wait()
	if peer, err := PeerOf(conn); err != nil || peer.Identified || peer.User != currentUser() {
		t.Errorf("afterwards: %+v, %v", peer, err)
	}
}

// TestPeerIsNotYoungerThanItsConnection: such a one has the id of the peer,
// which has ended.
func TestPeerIsNotYoungerThanItsConnection(t *testing.T) {
	path := pipePath(t)
	l := mustListen(t, path)
	mustDial(t, path)
	conn := mustAccept(t, l).(*pipeConn)
	if peer, err := PeerOf(conn); err != nil || peer.PID != os.Getpid() {
		t.Fatalf("%+v, %v", peer, err)
	}
	conn.connected = windows.NsecToFiletime(time.Now().Add(-24 * time.Hour).UnixNano())
	if peer, err := PeerOf(conn); err != nil || peer.Identified || peer.User != currentUser() {
		t.Errorf("%+v, %v", peer, err)
	}
}

// TestPeerOfADialledPipe is the one who serves it, as with a socket elsewhere.
func TestPeerOfADialledPipe(t *testing.T) {
	path := pipePath(t)
	cmd := self(t, "serve", path)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	for end := time.Now().Add(patience); !pipeExists(path); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("nobody serves it")
		}
	}
	conn := mustDial(t, path)
	if peer, err := PeerOf(conn); err != nil || peer.PID != cmd.Process.Pid || peer.User != currentUser() || !peer.Identified {
		t.Errorf("%+v, %v; want process %d", peer, err, cmd.Process.Pid)
	}
	conn.Close()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

// serveChild serves the pipe that its argument names, to one client.
func serveChild(args []string) error {
	l, err := Listen(args[0])
	if err != nil {
		return err
	}
	defer l.Close()
	conn, err := l.Accept()
	if err != nil {
		return err
	}
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(patience))
	_, _ = conn.Read(make([]byte, 1))
	return nil
}

func TestPeerOfSomethingElse(t *testing.T) {
	one, two := net.Pipe()
	defer one.Close()
	defer two.Close()
	if peer, err := PeerOf(one); err == nil {
		t.Errorf("%+v", peer)
	}
}

func TestProgramName(t *testing.T) {
	for exe, want := range map[string]string{
		`C:\Windows\System32\OpenSSH\ssh.exe`: "ssh", `C:\Program Files\Git\cmd\GIT.EXE`: "git",
		`D:\tool`: "tool", `\Device\HarddiskVolume1\x.exe`: "x",
	} {
		if got := programName(exe); got != want {
			t.Errorf("%s: %q", exe, got)
		}
	}
}

func TestClipArgs(t *testing.T) {
	args := []string{"one", "two", "three"}
	for _, c := range []struct {
		most, bytes int
		want        []string
	}{
		{3, 100, args}, {2, 100, args[:2]}, {3, 5, []string{"one", "t"}}, {3, 3, []string{"one"}}, {0, 9, nil},
	} {
		if got := clipArgs(args, c.most, c.bytes); !slices.Equal(got, c.want) {
			t.Errorf("%d arguments of %d bytes: %q, want %q", c.most, c.bytes, got, c.want)
		}
	}
}
