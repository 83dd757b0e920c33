package platform

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/windows"
)

func cygwinPath(t *testing.T) string {
	return filepath.Join(os.TempDir(), fmt.Sprintf("keybroker-%d-%s", os.Getpid(), t.Name()))
}

func mustListenCygwin(t *testing.T, path string) net.Listener {
	t.Helper()
	l, err := ListenCygwin(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return l
}

// readSocketFile reads the file as Cygwin does.
func readSocketFile(t *testing.T, path string) (port int, secret []byte) {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var kind string
	var numbers [4]uint32
	if n, err := fmt.Sscanf(string(data), "!<socket >%d %s %08x-%08x-%08x-%08x", &port, &kind, &numbers[0], &numbers[1], &numbers[2], &numbers[3]); n != 6 || kind != "s" {
		t.Fatalf("%q: %v", data, err)
	}
	for _, number := range numbers {
		secret = binary.LittleEndian.AppendUint32(secret, number)
	}
	return port, secret
}

// dialCygwin connects, shows the secret and exchanges numbers, as Cygwin does.
func dialCygwin(t *testing.T, port int, secret []byte) (net.Conn, error) {
	t.Helper()
	conn, err := net.Dial("tcp4", fmt.Sprintf("127.0.0.1:%d", port))
	if err != nil {
		return nil, err
	}
	t.Cleanup(func() { conn.Close() })
	conn.SetDeadline(time.Now().Add(patience))
	shown := make([]byte, 16)
	if _, err := conn.Write(secret); err != nil {
		return nil, err
	}
	if _, err := io.ReadFull(conn, shown); err != nil {
		return nil, err
	}
	if !bytes.Equal(shown, secret) {
		return nil, errors.New("the listener shows another secret")
	}
	ids := make([]byte, 12)
	if _, err := conn.Write(ids); err != nil {
		return nil, err
	}
	_, err = io.ReadFull(conn, ids)
	return conn, err
}

func TestCygwinSocket(t *testing.T) {
	path := cygwinPath(t)
	l := mustListenCygwin(t, path)
	port, secret := readSocketFile(t, path)
	conn, err := dialCygwin(t, port, secret)
	if err != nil {
		t.Fatal(err)
	}
	accepted := mustAccept(t, l)
	if peer, err := PeerOf(accepted); err != nil || peer.User != currentUser() || peer.PID != os.Getpid() || !peer.Identified {
		t.Errorf("the caller is %+v, %v, not this process", peer, err)
	}
	go io.Copy(accepted, accepted)
	if err := roundTrip(conn, []byte("x")); err != nil {
		t.Error(err)
	}
	l.Close()
	if _, err := os.Stat(path); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the file is left: %v", err)
	}
}

func TestCygwinSocketRefuses(t *testing.T) {
	path := cygwinPath(t)
	l := mustListenCygwin(t, path)
	port, secret := readSocketFile(t, path)
	for name, shown := range map[string][]byte{"a wrong secret": make([]byte, 16), "half the secret and nothing": secret[:8]} {
		conn, err := net.Dial("tcp4", fmt.Sprintf("127.0.0.1:%d", port))
		if err != nil {
			t.Fatal(err)
		}
		conn.SetDeadline(time.Now().Add(patience))
		_, _ = conn.Write(shown)
		_ = conn.(*net.TCPConn).CloseWrite()
		if n, err := conn.Read(make([]byte, 16)); n > 0 || err == nil || errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("%s: %d bytes, %v", name, n, err)
		}
		conn.Close()
	}
	for range maxCygwinHandshakes * 2 { // they show nothing
		if conn, err := net.Dial("tcp4", fmt.Sprintf("127.0.0.1:%d", port)); err == nil {
			conn.Close()
		}
	}
	conn, err := dialCygwin(t, port, secret)
	for end := time.Now().Add(patience); err != nil && time.Now().Before(end); conn, err = dialCygwin(t, port, secret) {
		time.Sleep(10 * time.Millisecond)
	}
	if err != nil {
		t.Fatal(err)
	}
	go io.Copy(conn, conn)
	mustAccept(t, l)
}

// Programs of other users, and of less integrity, cannot be run here: of the first the
// system's own process is one on Windows, and process 0 is no process.
func TestCygwinCallers(t *testing.T) {
	if user, err := mayConnect(windows.GetCurrentProcessId()); err != nil || user != currentUser() {
		t.Errorf("this process: %q, %v", user, err)
	}
	if user, err := mayConnect(0); err == nil {
		t.Errorf("no process: %q", user)
	}
	level, err := integrityOf(windows.CurrentProcess())
	if err != nil || level < 0x1000 || level > 0x4000 {
		t.Errorf("integrity %#x, %v", level, err)
	}
}

// A connection that the system's list lacks at first, or whose process it lacks, is looked for again.
func TestCygwinCallerIsMissing(t *testing.T) {
	tcp, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer tcp.Close()
	theirs, err := net.Dial("tcp4", tcp.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer theirs.Close()
	ours := mustAccept(t, tcp)
	looks := 0
	list := func(from int) func() ([]tcpRow, error) {
		looks = 0
		return func() ([]tcpRow, error) {
			rows, err := tcpConnections()
			switch looks++; {
			case looks >= from:
			case looks == 1:
				rows, err = nil, windows.ERROR_NOT_READY
			case looks == ownerLooks:
				rows = nil
			default:
				for i := range rows {
					rows[i].pid = 0
				}
			}
			return rows, err
		}
	}
	if pid, err := ownerOf(ours, list(3)); err != nil || int(pid) != os.Getpid() {
		t.Errorf("there at the third look: process %d, %v, after %d looks", pid, err, looks)
	}
	if pid, err := ownerOf(ours, list(ownerLooks+1)); err == nil || !strings.Contains(err.Error(), "does not know the connection") || looks != ownerLooks {
		t.Errorf("never there: process %d, %v, after %d looks", pid, err, looks)
	}
}

func TestCygwinSocketFile(t *testing.T) {
	path := cygwinPath(t)
	t.Cleanup(func() { os.Remove(path) })
	if err := os.WriteFile(path, []byte("a letter"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := ListenCygwin(path); err == nil || !strings.Contains(err.Error(), "not a socket of Cygwin's") {
		t.Errorf("another file: %v", err)
	}
	if data, _ := os.ReadFile(path); string(data) != "a letter" {
		t.Errorf("another file was changed to %q", data)
	}
	if err := os.WriteFile(path, []byte("!<socket >1 s 00000000-00000000-00000000-00000000\x00"), 0o600); err != nil {
		t.Fatal(err)
	}
	l := mustListenCygwin(t, path) // that one is served no longer
	if _, err := ListenCygwin(path); !errors.Is(err, ErrInUse) {
		t.Errorf("a socket that is served: %v", err)
	}
	l.Close()
}
