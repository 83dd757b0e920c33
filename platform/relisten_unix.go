//go:build unix

package platform

import (
	"errors"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"time"
)

// How late it may be noticed that a socket was removed, where the system does not tell of
// it or the directory is gone, and where it tells. Programs try again for about as long as
// lostTick. The long one is for what no watch tells of, such as a mount over the directory.
const (
	lostTick    = 2 * time.Second
	watchedTick = time.Minute
)

// Accept implements net.Listener. It continues with a socket that was made again.
func (l *listener) Accept() (net.Conn, error) {
	for {
		inner := l.current()
		conn, err := inner.Accept()
		if err == nil || !errors.Is(err, net.ErrClosed) || inner == l.current() {
			return conn, err
		}
	}
}

func (l *listener) current() *net.UnixListener {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.UnixListener
}

// watch makes the socket again after it was removed, with or without its directory.
// Something else in its place is left alone.
func (l *listener) watch() {
	defer close(l.watched)
	for l.wait() {
		l.mend()
	}
}

// wait returns when the socket may have been removed, or false after Close. Whoever
// cleans the directory gets the time to remove that, too.
func (l *listener) wait() bool {
	dir, err := WatchDir(filepath.Dir(l.path))
	if err != nil {
		return l.pause(lostTick, nil)
	}
	defer dir.Close()
	if l.isThere() && !l.pause(watchedTick, dir.Changes) {
		return false
	}
	return l.isThere() || l.pause(lostTick, nil)
}

// pause waits for d or a change, or returns false after Close.
func (l *listener) pause(d time.Duration, changes <-chan struct{}) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-l.closing:
		return false
	case <-changes:
	case <-timer.C:
	}
	return true
}

// isThere reports whether something has the socket's name.
func (l *listener) isThere() bool {
	_, err := os.Lstat(l.path)
	return !errors.Is(err, fs.ErrNotExist)
}

// mend is retried if it fails: the directory may come back with the next login.
func (l *listener) mend() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.isThere() || privateDir(filepath.Dir(l.path)) != nil {
		return
	}
	lock, err := l.sameLockLocked()
	if err != nil {
		return
	}
	fresh, err := takeOver(l.path)
	if err == nil {
		l.swapLocked(fresh, lock)
	} else if lock != l.lock {
		_ = lock.Close()
	}
}

// sameLockLocked is the old lock if its file still exists, otherwise a new one: a
// removed lock file keeps nobody out.
func (l *listener) sameLockLocked() (*os.File, error) {
	held, err := l.lock.Stat()
	if err != nil {
		return nil, err
	}
	if now, err := os.Lstat(l.path + ".lock"); err == nil && os.SameFile(now, held) {
		return l.lock, nil
	}
	return lockFile(l.path + ".lock")
}

// swapLocked puts a new socket in the place of the old one, whose clients go on.
func (l *listener) swapLocked(fresh *listener, lock *os.File) {
	old, oldLock := l.UnixListener, l.lock
	l.UnixListener, l.made, l.lock = fresh.UnixListener, fresh.made, lock
	_ = old.Close() // Accept goes on with the new one
	if oldLock != lock {
		_ = oldLock.Close()
	}
}

// Addr implements net.Listener.
func (l *listener) Addr() net.Addr { return l.current().Addr() }
