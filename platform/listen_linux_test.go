package platform

import (
	"errors"
	"io"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"testing"
)

// listenChild serves its argument until its input ends.
func listenChild(args []string) error {
	listener, err := Listen(args[0])
	if err != nil {
		return err
	}
	defer runtime.KeepAlive(listener) // it would be closed once nothing refers to it
	os.Stdout.WriteString("ready\n")
	_, err = io.Copy(io.Discard, os.Stdin)
	return err
}

// A daemon that is killed leaves socket and lock file; the next one starts.
func TestListenAfterKill(t *testing.T) {
	path := filepath.Join(privateTemp(t), "s")
	first := self(t, "listen", path)
	stdin, _ := first.StdinPipe()
	stdout, _ := first.StdoutPipe()
	defer stdin.Close()
	if err := first.Start(); err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadFull(stdout, make([]byte, len("ready\n"))); err != nil {
		t.Fatal(err)
	}
	err := refused(t, path, "another agent serves it", func() error {
		first.Process.Kill()
		first.Wait()
		_, err := os.Lstat(path)
		return err
	})
	if !errors.Is(err, ErrInUse) {
		t.Errorf("%v is not ErrInUse", err)
	}
}

// A socket that was removed comes back at its path, with its directory or without,
// and serves on; what stands in its place is left alone until it goes.
func TestListenComesBack(t *testing.T) {
	for name, remove := range map[string]func(path string) error{
		"the socket":       os.Remove,
		"the directory":    func(path string) error { return os.RemoveAll(filepath.Dir(path)) },
		"the lock with it": func(path string) error { return errors.Join(os.Remove(path), os.Remove(path+".lock")) },
		"a file came there": func(path string) error {
			return errors.Join(os.Remove(path), os.WriteFile(path, []byte("mine"), 0o600))
		},
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(privateTemp(t), "s")
			l := mustListen(t, path).(*listener)
			served := make(chan net.Conn)
			go func() {
				defer close(served)
				for conn, err := l.Accept(); err == nil; conn, err = l.Accept() {
					served <- conn
				}
			}()
			if err := remove(path); err != nil {
				t.Fatal(err)
			}
			l.mend() // as watch does at its next tick
			if name == "a file came there" {
				if text, err := os.ReadFile(path); err != nil || string(text) != "mine" {
					t.Errorf("%q, %v", text, err)
				}
				if err := os.Remove(path); err != nil {
					t.Fatal(err)
				}
				l.mend()
			}
			client, err := net.Dial("unix", path)
			if err != nil {
				t.Fatal(err)
			}
			defer client.Close()
			(<-served).Close()
			if _, err := Listen(path); !errors.Is(err, ErrInUse) {
				t.Errorf("a second one: %v", err)
			}
			if info, err := os.Lstat(path); err != nil || info.Mode() != fs.ModeSocket|0o600 {
				t.Errorf("%v, %v", info, err)
			}
			if err := l.Close(); err != nil {
				t.Error(err)
			}
			if _, open := <-served; open {
				t.Error("it still serves")
			}
			if _, err := os.Lstat(path); !errors.Is(err, fs.ErrNotExist) {
				t.Error("Close left the new socket: ", err)
			}
		})
	}
}
