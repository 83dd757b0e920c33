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

// lostTick bounds how late a removed socket is noticed: nothing announces that a
// runtime directory is cleaned. Programs retry for about as long.
const lostTick = 2 * time.Second

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
	ticker := time.NewTicker(lostTick)
	defer ticker.Stop()
	for {
		select {
		case <-l.closing:
			return
		case <-ticker.C:
			l.mend()
		}
	}
}

// mend is retried if it fails: the directory may come back with the next login.
func (l *listener) mend() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if _, err := os.Lstat(l.path); !errors.Is(err, fs.ErrNotExist) {
		return
	}
	if privateDir(filepath.Dir(l.path)) != nil {
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
