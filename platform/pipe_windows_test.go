package platform

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/keybroker/keybroker/problem"
	"golang.org/x/sys/windows"
)

// patience bounds what must happen; soon is what a test waits for something
// that must not.
const (
	patience = 30 * time.Second
	soon     = 200 * time.Millisecond
)

// pipePath is a name that no other test has.
func pipePath(t *testing.T) string {
	return fmt.Sprintf(`\\.\pipe\keybroker-test-%d-%s`, os.Getpid(), strings.ReplaceAll(t.Name(), "/", "-"))
}

func mustListen(t *testing.T, path string) net.Listener {
	t.Helper()
	l, err := Listen(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return l
}

func mustDial(t *testing.T, path string) net.Conn {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	conn, err := Dial(ctx, path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return conn
}

func mustAccept(t *testing.T, l net.Listener) net.Conn {
	t.Helper()
	conn, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	conn.SetDeadline(time.Now().Add(patience))
	return conn
}

// echo serves l until it is closed, and returns when every client is done.
func echo(t *testing.T, l net.Listener) {
	var clients sync.WaitGroup
	served := make(chan struct{})
	go func() {
		defer close(served)
		for {
			conn, err := l.Accept()
			if err != nil {
				if !errors.Is(err, net.ErrClosed) {
					t.Error(err)
				}
				break
			}
			clients.Go(func() {
				defer conn.Close()
				io.Copy(conn, conn)
			})
		}
		clients.Wait()
	}()
	t.Cleanup(func() { l.Close(); <-served })
}

// roundTrip sends text and wants it back.
func roundTrip(conn net.Conn, text []byte) error {
	conn.SetDeadline(time.Now().Add(patience))
	sent := make(chan error, 1)
	go func() { _, err := conn.Write(text); sent <- err }()
	back := make([]byte, len(text))
	_, err := io.ReadFull(conn, back)
	if err = errors.Join(err, <-sent); err == nil && !bytes.Equal(back, text) {
		err = errors.New("something else came back")
	}
	return err
}

func TestPipeServesManyClients(t *testing.T) {
	path := pipePath(t)
	echo(t, mustListen(t, path))
	const clients = 100
	conns := make([]net.Conn, clients)
	for i := range conns { // all of them are open at one time
		conns[i] = mustDial(t, path)
	}
	results := make(chan error)
	for i, conn := range conns {
		go func() {
			err := roundTrip(conn, fmt.Appendf(nil, "client %d", i))
			results <- errors.Join(err, conn.Close())
		}()
	}
	for range conns {
		if err := <-results; err != nil {
			t.Error(err)
		}
	}
	if err := roundTrip(mustDial(t, path), bytes.Repeat([]byte("0123456789"), pipeBuffer)); err != nil {
		t.Errorf("more than a buffer: %v", err)
	}
}

func TestPipeClientsComeTogether(t *testing.T) {
	path := pipePath(t)
	echo(t, mustListen(t, path))
	results := make(chan error)
	const clients = 100
	for range clients {
		go func() {
			conn, err := Dial(t.Context(), path)
			for errors.Is(err, windows.ERROR_PIPE_BUSY) { // on a busy machine a turn may come after maxBusy
				conn, err = Dial(t.Context(), path)
			}
			if err == nil {
				err = errors.Join(roundTrip(conn, []byte("hello")), conn.Close())
			}
			results <- err
		}()
	}
	for range clients {
		if err := <-results; err != nil {
			t.Error(err)
		}
	}
}

// TestPipeIsThisUsersAlone reads the access list back. That it holds against
// another user is for a system with two users to show.
func TestPipeIsThisUsersAlone(t *testing.T) {
	path := pipePath(t)
	mustListen(t, path)
	conn := mustDial(t, path).(*pipeConn)
	descriptor, err := windows.GetSecurityInfo(windows.Handle(conn.Fd()), windows.SE_KERNEL_OBJECT,
		windows.OWNER_SECURITY_INFORMATION|windows.DACL_SECURITY_INFORMATION)
	if err != nil {
		t.Fatal(err)
	}
	if owner, _, _ := descriptor.Owner(); owner.String() != currentUser() {
		t.Errorf("its owner is %s, not %s", owner, currentUser())
	}
	list, _, err := descriptor.DACL()
	if err != nil || list == nil || list.AceCount != 1 {
		t.Fatalf("the access list is %s, %v", descriptor, err)
	}
	if !strings.Contains(descriptor.String(), ";;;"+currentUser()+")") {
		t.Errorf("the access list is %s", descriptor)
	}
}

func TestPipeInUse(t *testing.T) {
	path := pipePath(t)
	l := mustListen(t, path)
	second, err := Listen(path)
	if !errors.Is(err, ErrInUse) || !strings.Contains(problem.Remedy(err), "stop that one first") {
		t.Fatalf("%v, %v", second, err)
	}
	l.Close()
	echo(t, mustListen(t, path))
	if err := roundTrip(mustDial(t, path), []byte("x")); err != nil {
		t.Error(err)
	}
}

func TestPipeNames(t *testing.T) {
	for _, path := range []string{``, `agent`, `C:\agent.sock`, `\\.\pipe\`, `\\server\pipe\agent`, `\\.\pipe\` + strings.Repeat("x", maxPipeName)} {
		if l, err := Listen(path); err == nil || !strings.HasPrefix(problem.Remedy(err), "choose") {
			t.Errorf("listen %q: %v, %v", path, l, err)
		}
		if conn, err := Dial(t.Context(), path); err == nil || !strings.HasPrefix(problem.Remedy(err), "choose") {
			t.Errorf("dial %q: %v, %v", path, conn, err)
		}
	}
	path := pipePath(t)
	echo(t, mustListen(t, strings.ReplaceAll(path, `\`, "/")))
	if err := roundTrip(mustDial(t, path), []byte("x")); err != nil {
		t.Errorf("//./pipe/: %v", err)
	}
}

func TestPipeDeadline(t *testing.T) {
	path := pipePath(t)
	l := mustListen(t, path)
	client, server := mustDial(t, path), mustAccept(t, l)
	server.SetReadDeadline(time.Now().Add(soon))
	if _, err := server.Read(make([]byte, 1)); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Fatal(err)
	}
	server.SetWriteDeadline(time.Now().Add(soon)) // nobody reads
	if _, err := server.Write(make([]byte, 64*pipeBuffer)); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Fatal(err)
	}
	server.SetDeadline(time.Now().Add(patience))
	client.SetDeadline(time.Now().Add(patience))
	if _, err := client.Write([]byte("x")); err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadFull(server, make([]byte, 1)); err != nil {
		t.Errorf("after a deadline: %v", err)
	}
}

func TestPipeCloseEndsAccept(t *testing.T) {
	path := pipePath(t)
	l := mustListen(t, path)
	client := mustDial(t, path)
	server := mustAccept(t, l)
	waiting := mustDial(t, path) // nobody accepts it
	accepted := make(chan error, 1)
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				accepted <- err
				return
			}
			conn.Close()
		}
	}()
	l.Close()
	if err := <-accepted; !errors.Is(err, net.ErrClosed) {
		t.Errorf("accept: %v", err)
	}
	waiting.SetDeadline(time.Now().Add(patience))
	if n, err := waiting.Read(make([]byte, 1)); n != 0 || err == nil || errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("who was not accepted reads %d, %v", n, err)
	}
	go io.Copy(server, server)
	if err := roundTrip(client, []byte("x")); err != nil {
		t.Errorf("a connection of before: %v", err)
	}
	client.Close()
	server.Close()
	if conn, err := Dial(t.Context(), path); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("%v, %v", conn, err)
	}
	if err := l.Close(); err != nil {
		t.Errorf("closed again: %v", err)
	}
}

func TestPipeReadEndsWithTheOtherEnd(t *testing.T) {
	path := pipePath(t)
	l := mustListen(t, path)
	client, server := mustDial(t, path), mustAccept(t, l)
	if _, err := server.Write([]byte("the last words")); err != nil {
		t.Fatal(err)
	}
	server.Close()
	if words, err := io.ReadAll(client); err != nil || string(words) != "the last words" {
		t.Errorf("%q, %v", words, err)
	}
}

func TestPipeClientsThatWentAway(t *testing.T) {
	path := pipePath(t)
	l := mustListen(t, path)
	for range pipeBacklog {
		mustDial(t, path).Close()
	}
	echo(t, l)
	if err := roundTrip(mustDial(t, path), []byte("x")); err != nil {
		t.Error(err)
	}
}

// TestPipeClientsThatWereQuicker come, and go, before the instance waits.
func TestPipeClientsThatWereQuicker(t *testing.T) {
	access, err := onlyThisUser()
	if err != nil {
		t.Fatal(err)
	}
	for _, goes := range []bool{false, true} {
		path := pipePath(t)
		in, err := makeInstance(path, windows.PIPE_ACCESS_DUPLEX|windows.FILE_FLAG_OVERLAPPED, access)
		if err != nil {
			t.Fatal(err)
		}
		client := mustDial(t, path)
		if goes {
			client.Close()
		}
		if err := in.await(); err != nil {
			t.Fatalf("gone: %v: %v", goes, err)
		}
		if woken, err := windows.WaitForSingleObject(in.event, 0); woken != windows.WAIT_OBJECT_0 {
			t.Errorf("gone: %v: Accept is not woken: %v", goes, err)
		}
		in.cancel()
	}
}

func TestDialWaitsForAccept(t *testing.T) {
	path := pipePath(t)
	l := mustListen(t, path)
	for range pipeBacklog {
		mustDial(t, path)
	}
	short, cancel := context.WithTimeout(t.Context(), soon)
	defer cancel()
	if conn, err := Dial(short, path); !errors.Is(err, context.DeadlineExceeded) {
		t.Fatalf("%v, %v", conn, err)
	}
	dialled := make(chan error, 1)
	go func() {
		conn, err := Dial(t.Context(), path)
		if err == nil {
			err = conn.Close()
		}
		dialled <- err
	}()
	mustAccept(t, l)
	if err := <-dialled; err != nil {
		t.Error(err)
	}
}

// TestPipeOfAnotherUser cannot have another user make one here, so it asks the
// judge.
func TestPipeOfAnotherUser(t *testing.T) {
	us, other := currentUser(), "S-1-5-21-1-2-3-1001"
	for _, c := range []struct{ owner, server, cause string }{
		{us, us, ""},
		{us, "", ""},
		{administrator, "", ""},
		{administrators, administrator, ""},
		{other, us, "made by another user"},
		{other, "", "made by another user"},
		{us, other, "served by another user"},
	} {
		err := ours(c.owner, c.server)
		if (err == nil) != (c.cause == "") || err != nil && !strings.Contains(err.Error(), c.cause) {
			t.Errorf("owner %s, server %q: %v", c.owner, c.server, err)
		}
	}
}
