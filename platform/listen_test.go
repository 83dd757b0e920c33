//go:build unix

package platform

import (
	"errors"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"golang.org/x/sys/unix"
)

func mustListen(t *testing.T, path string) net.Listener {
	t.Helper()
	l, err := Listen(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return l
}

// refused asserts the reason, then that removing the reason is enough.
func refused(t *testing.T, path, reason string, repair func() error) error {
	t.Helper()
	l, err := Listen(path)
	if err == nil {
		l.Close()
		t.Fatalf("Listen accepted it; want an error with %q", reason)
	}
	if !strings.Contains(err.Error(), reason) {
		t.Fatalf("error %q does not say %q", err, reason)
	}
	if err := repair(); err != nil {
		t.Fatal(err)
	}
	mustListen(t, path)
	return err
}

func answers(path string) bool {
	conn, err := net.Dial("unix", path)
	if err == nil {
		conn.Close()
	}
	return err == nil
}

func TestListenIsPrivate(t *testing.T) {
	defer unix.Umask(unix.Umask(0)) // the most careless umask
	path := filepath.Join(t.TempDir(), "made", "agent.sock")
	mustListen(t, path)
	for name, want := range map[string]fs.FileMode{
		path:               fs.ModeSocket | 0o600,
		path + ".lock":     0o600,
		filepath.Dir(path): fs.ModeDir | 0o700,
	} {
		info, err := os.Lstat(name)
		if err != nil || info.Mode() != want {
			t.Errorf("%s: mode %v, error %v; want %v", name, info.Mode(), err, want)
		}
	}
	if !answers(path) {
		t.Error("nobody answers")
	}
}

func privateTemp(t *testing.T) string {
	dir := filepath.Join(t.TempDir(), "d")
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	return dir
}

func TestListenDirectory(t *testing.T) {
	t.Run("open to others", func(t *testing.T) {
		for _, mode := range []os.FileMode{0o755, 0o710, 0o701, 0o777} {
			dir := privateTemp(t)
			os.Chmod(dir, mode)
			refused(t, filepath.Join(dir, "s"), "is open to other users", func() error { return os.Chmod(dir, 0o700) })
		}
	})
	t.Run("symlink", func(t *testing.T) {
		dir := privateTemp(t)
		link := dir + "-link"
		os.Symlink(dir, link)
		refused(t, filepath.Join(link, "s"), "a symbolic link, not a directory", func() error {
			return errors.Join(os.Remove(link), os.Mkdir(link, 0o700))
		})
		if _, err := os.Lstat(filepath.Join(dir, "s")); !errors.Is(err, fs.ErrNotExist) {
			t.Error("something was made behind the link")
		}
	})
	t.Run("foreign", func(t *testing.T) {
		if os.Getuid() != 0 {
			t.Skip("needs root: gives a directory to another user")
		}
		dir := privateTemp(t)
		os.Chown(dir, 65534, 65534)
		refused(t, filepath.Join(dir, "s"), "belongs to uid 65534", func() error { return os.Chown(dir, 0, 0) })
	})
	t.Run("file", func(t *testing.T) {
		file := filepath.Join(t.TempDir(), "f")
		os.WriteFile(file, nil, 0o600)
		refused(t, filepath.Join(file, "s"), "not a directory", func() error { return os.Remove(file) })
	})
}

func TestListenPathInTheWay(t *testing.T) {
	makers := map[string]func(path string) error{
		"a file":          func(path string) error { return os.WriteFile(path, []byte("mine"), 0o600) },
		"a directory":     func(path string) error { return os.Mkdir(path, 0o700) },
		"a symbolic link": func(path string) error { return os.Symlink("/nowhere", path) },
		"a special file":  func(path string) error { return unix.Mkfifo(path, 0o600) },
	}
	for kind, make := range makers {
		t.Run(kind, func(t *testing.T) {
			path := filepath.Join(privateTemp(t), "s")
			if err := make(path); err != nil {
				t.Fatal(err)
			}
			refused(t, path, kind+" is in the way", func() error {
				return os.Remove(path) // fails if Listen had removed it
			})
		})
	}
}

func TestListenPathTooLong(t *testing.T) {
	dir := privateTemp(t)
	fits := filepath.Join(dir, strings.Repeat("x", maxSocketPath-len(dir)-1))
	mustListen(t, fits)
	if _, err := Listen(fits + "x"); err == nil || !strings.Contains(Text(err), "choose a shorter one") {
		t.Errorf("one byte too long: %v", err)
	}
}

func TestListenNeverAbstract(t *testing.T) {
	t.Chdir(privateTemp(t))
	mustListen(t, "@agent")
	if _, err := os.Lstat("@agent"); err != nil {
		t.Error(err)
	}
}

// A socket of another program, which knows nothing of our lock file.
func TestListenLeavesLiveSocket(t *testing.T) {
	path := filepath.Join(privateTemp(t), "s")
	foreign, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	if err := refused(t, path, "another agent serves it", func() error {
		if !answers(path) {
			t.Error("the foreign socket is gone")
		}
		return foreign.Close()
	}); !errors.Is(err, ErrInUse) {
		t.Errorf("%v is not ErrInUse", err)
	}
}

// Not ECONNREFUSED, so not stale: a datagram socket, and a full backlog.
func TestListenLeavesUnclearSocket(t *testing.T) {
	t.Run("datagram", func(t *testing.T) {
		path := filepath.Join(privateTemp(t), "s")
		foreign, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path, Net: "unixgram"})
		if err != nil {
			t.Fatal(err)
		}
		refused(t, path, "another agent serves it", func() error {
			return errors.Join(foreign.Close(), ignoreMissing(os.Remove(path)))
		})
	})
	t.Run("full backlog", func(t *testing.T) {
		path := filepath.Join(privateTemp(t), "s")
		fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM, 0)
		if err != nil {
			t.Fatal(err)
		}
		if err := errors.Join(unix.Bind(fd, &unix.SockaddrUnix{Name: path}), unix.Listen(fd, 0)); err != nil {
			t.Fatal(err)
		}
		waiting, err := net.Dial("unix", path)
		if err != nil {
			t.Fatal(err)
		}
		defer waiting.Close()
		refused(t, path, "another agent serves it", func() error {
			return errors.Join(unix.Close(fd), os.Remove(path)) // Remove fails if Listen did it
		})
	})
}

func ignoreMissing(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

func TestListenReplacesStaleSocket(t *testing.T) {
	path := filepath.Join(privateTemp(t), "s")
	dead, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	dead.SetUnlinkOnClose(false)
	dead.Close()
	if _, err := os.Lstat(path); err != nil {
		t.Fatal("the stale socket is not there: ", err)
	}
	mustListen(t, path)
	if !answers(path) {
		t.Error("nobody answers")
	}
}

func TestListenOneWinner(t *testing.T) {
	for range 30 {
		path := filepath.Join(privateTemp(t), "s")
		os.WriteFile(path+".lock", nil, 0o600)
		stale, _ := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
		stale.SetUnlinkOnClose(false)
		stale.Close()
		var won []net.Listener
		var mu sync.Mutex
		var group sync.WaitGroup
		for range 8 {
			group.Go(func() {
				l, err := Listen(path)
				mu.Lock()
				defer mu.Unlock()
				if err == nil {
					won = append(won, l)
				} else if !errors.Is(err, ErrInUse) {
					t.Error(err)
				}
			})
		}
		group.Wait()
		if len(won) != 1 || !answers(path) {
			t.Fatalf("%d of 8 listen; want 1 that answers", len(won))
		}
		won[0].Close()
	}
}

func TestCloseRemovesOnlyItsOwn(t *testing.T) {
	path := filepath.Join(privateTemp(t), "s")
	l := mustListen(t, path)
	if err := errors.Join(l.Close(), l.Close()); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Lstat(path); !errors.Is(err, fs.ErrNotExist) {
		t.Fatal("Close left its socket: ", err)
	}

	l = mustListen(t, path)
	os.Remove(path)
	foreign, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	defer foreign.Close()
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	if !answers(path) {
		t.Error("Close removed a socket that took its place")
	}
}
