package platform

import (
	"context"
	"errors"
	"net"
	"path/filepath"
	"syscall"
	"testing"
	"time"
)

// Where more clients wait than the system holds, Dial waits for its turn, until its context ends.
func TestDialWaitsForItsTurn(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s")
	listener := listenForOne(t, path)
	for {
		conn, err := net.Dial("unix", path)
		if errors.Is(err, syscall.EAGAIN) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
	}
	short, cancel := context.WithTimeout(t.Context(), 4*busyWait)
	defer cancel()
	if _, err := Dial(short, path); err == nil {
		t.Error("connected although nobody accepts")
	}
	time.AfterFunc(4*busyWait, func() {
		if fd, _, err := syscall.Accept(listener); err == nil {
			syscall.Close(fd)
		}
	})
	conn, err := Dial(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	conn.Close()
}

// listenForOne listens with room for as few clients as the system allows.
func listenForOne(t *testing.T, path string) (fd int) {
	fd, err := syscall.Socket(syscall.AF_UNIX, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC, 0)
	if err == nil {
		t.Cleanup(func() { syscall.Close(fd) })
		err = syscall.Bind(fd, &syscall.SockaddrUnix{Name: path})
	}
	if err == nil {
		err = syscall.Listen(fd, 0)
	}
	if err != nil {
		t.Fatal(err)
	}
	return fd
}
