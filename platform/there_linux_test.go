package platform

import (
	"context"
	"net"
	"path/filepath"
	"testing"
	"time"
)

func waitDone(t *testing.T, ctx context.Context) {
	t.Helper()
	select {
	case <-ctx.Done():
	case <-time.After(30 * time.Second):
		t.Fatal("its end is not noticed")
	}
}

// Bytes that nobody reads do not hide the end of a connection.
func TestWhileThereSeesAHangUpBehindUnreadBytes(t *testing.T) {
	for _, late := range []string{"", "x", "xy"} {
		path := filepath.Join(privateTemp(t), "s")
		l := mustListen(t, path)
		client, err := net.Dial("unix", path)
		if err != nil {
			t.Fatal(err)
		}
		server, err := l.Accept()
		if err != nil {
			t.Fatal(err)
		}
		open := openFiles(t)
		there, stop := WhileThere(t.Context(), server, peerOfConn(t, server))
		again, stopAgain := WhileThere(t.Context(), server, Peer{})
		if _, err := client.Write([]byte(late)); err != nil {
			t.Fatal(err)
		}
		if there.Err() != nil || again.Err() != nil {
			t.Errorf("%q ended it", late)
		}
		client.Close()
		waitDone(t, there)
		waitDone(t, again)
		stop()
		stopAgain()
		if now := openFiles(t); now != open-1 { // the client's own
			t.Errorf("%d open files before, %d after", open-1, now)
		}
		server.Close()
	}
}

// A program cannot leave its end of the connection to another one.
func TestWhileThereEndsWithTheProcess(t *testing.T) {
	path := filepath.Join(privateTemp(t), "s")
	l := mustListen(t, path)
	cmd := self(t, "connect", path)
	server := accept(t, l, cmd)
	peer := peerOfConn(t, server)
	there, stop := WhileThere(t.Context(), server, peer)
	defer stop()
	if there.Err() != nil {
		t.Fatal("it is still there")
	}
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	waitDone(t, there)
	_ = cmd.Wait()
	late, stop := WhileThere(t.Context(), server, peer)
	defer stop()
	waitDone(t, late)
}

// The end of the process counts, also while another one holds the connection.
func TestWhileThereWithAnHeir(t *testing.T) {
	path := filepath.Join(privateTemp(t), "s")
	l := mustListen(t, path)
	cmd := self(t, "connect", path)
	server := accept(t, l, cmd)
	peer := peerOfConn(t, server)
	heir, err := net.Dial("unix", path) // a connection that nobody ends stands for the one that was left
	if err != nil {
		t.Fatal(err)
	}
	defer heir.Close()
	left, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer left.Close()
	there, stop := WhileThere(t.Context(), left, peer)
	defer stop()
	own, stopOwn := WhileThere(t.Context(), left, peerOfConn(t, left))
	defer stopOwn()
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	waitDone(t, there)
	if own.Err() != nil {
		t.Error("the connection ended, too")
	}
}

func TestPIDOf(t *testing.T) {
	path := filepath.Join(privateTemp(t), "s")
	l := mustListen(t, path)
	cmd := self(t, "connect", path)
	server := accept(t, l, cmd)
	if pid := PIDOf(server); pid != cmd.Process.Pid {
		t.Errorf("process %d; want %d", pid, cmd.Process.Pid)
	}
}
