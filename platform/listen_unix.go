//go:build unix

package platform

import (
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/keybroker/keybroker/problem"
	"golang.org/x/sys/unix"
)

// maxSocketPath is what fits in sun_path with its final zero: 108 bytes on
// Linux, 104 on macOS and the BSDs.
const maxSocketPath = len(unix.RawSockaddrUnix{}.Path) - 1

// probeTimeout bounds the question whether somebody serves a socket that is
// already there. No answer counts as "yes".
const probeTimeout = 2 * time.Second

// listen holds path+".lock" from before the first look at path until the
// listener is closed: of two daemons that start together one gets ErrInUse, and
// none can take the other's socket for a stale one between its bind and listen.
func listen(path string) (net.Listener, error) {
	path, err := filepath.Abs(path) // also keeps "@name" from meaning an abstract socket, which has no mode
	if err != nil {
		return nil, fmt.Errorf("listen: %w", err)
	}
	if len(path) > maxSocketPath {
		return nil, problem.With(fmt.Errorf("listen: %s: the path has %d bytes and a socket's may have %d", path, len(path), maxSocketPath), "choose a shorter one")
	}
	if err := privateDir(filepath.Dir(path)); err != nil {
		return nil, fmt.Errorf("listen: %w", err)
	}
	lock, err := lockFile(path + ".lock")
	if err != nil {
		return nil, fmt.Errorf("listen: %s: %w", path, err)
	}
	l, err := takeOver(path)
	if err != nil {
		lock.Close()
		return nil, fmt.Errorf("listen: %s: %w", path, err)
	}
	l.lock, l.closing, l.watched = lock, make(chan struct{}), make(chan struct{})
	go l.watch()
	return l, nil
}

// lockFile takes the lock or returns ErrInUse at once. The file stays for good:
// removing it would let two daemons hold locks on two files of one name.
func lockFile(path string) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|unix.O_NOFOLLOW, 0o600)
	if err != nil {
		return nil, err
	}
	if err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		f.Close()
		if errors.Is(err, unix.EWOULDBLOCK) {
			return nil, inUse()
		}
		return nil, fmt.Errorf("lock %s: %w", path, err)
	}
	return f, nil
}

// takeOver binds path, after it removed a socket that nobody serves any more.
func takeOver(path string) (*listener, error) {
	if err := removeStale(path); err != nil {
		return nil, err
	}
	inner, err := bind(path)
	if err != nil {
		return nil, err
	}
	inner.SetUnlinkOnClose(false) // Close below looks whose socket it is first
	info, err := os.Lstat(path)
	if err == nil && info.Mode() != fs.ModeSocket|0o600 {
		os.Remove(path)
		err = fmt.Errorf("the new socket has the mode %s instead of srw-------", info.Mode())
	}
	if err != nil {
		inner.Close()
		return nil, err
	}
	return &listener{UnixListener: inner, path: path, made: info}, nil
}

// removeStale frees path, or returns why it cannot. Only a refused connection proves
// that nobody listens; after any other answer, even a full backlog or a denied
// permission, somebody may still serve the socket.
func removeStale(path string) error {
	info, err := os.Lstat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	if info.Mode().Type() != fs.ModeSocket {
		return problem.With(fmt.Errorf("%s is in the way", kindOf(info.Mode())), "move it away, or choose another path")
	}
	conn, err := net.DialTimeout("unix", path, probeTimeout)
	if err == nil {
		conn.Close()
	}
	if !errors.Is(err, unix.ECONNREFUSED) {
		return inUse()
	}
	return os.Remove(path)
}

func inUse() error { return problem.With(ErrInUse, "stop that one first, or choose another path") }

// listener removes its socket when it is closed, unless another one is in its place. It
// restores a socket that was removed (relisten_unix.go).
type listener struct {
	path    string
	once    sync.Once
	err     error
	closing chan struct{} // closed by Close
	watched chan struct{} // closed when the socket is no longer restored

	mu                sync.Mutex  // guards what follows; only watch changes it
	*net.UnixListener             // the newest
	made              fs.FileInfo // the socket as it was bound
	lock              *os.File
}

// Close looks at the path while the socket is still open, because until then
// the kernel cannot give its inode number to another file.
func (l *listener) Close() error {
	l.once.Do(func() {
		close(l.closing)
		<-l.watched
		if now, err := os.Lstat(l.path); err == nil && os.SameFile(now, l.made) {
			l.err = os.Remove(l.path)
		}
		l.err = errors.Join(l.UnixListener.Close(), l.err, l.lock.Close())
	})
	return l.err
}
