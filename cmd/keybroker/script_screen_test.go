//go:build linux

package main

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"sync"
	"syscall"

	"golang.org/x/sys/unix"
)

// screen is a terminal with a person at it.
type screen struct {
	keys, tty *os.File // the person's side and the program's
	done      chan struct{}

	mu   sync.Mutex // guards text
	text bytes.Buffer
}

// newScreen gives cmd a controlling terminal.
func newScreen(cmd *exec.Cmd) (*screen, error) {
	keys, err := os.OpenFile("/dev/ptmx", os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		return nil, err
	}
	number, err := unlockTerminal(keys)
	if err != nil {
		return nil, err
	}
	tty, err := os.OpenFile(fmt.Sprintf("/dev/pts/%d", number), os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		return nil, err
	}
	cmd.Stdin = tty
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
	s := &screen{keys: keys, tty: tty, done: make(chan struct{})}
	go s.watch()
	return s, nil
}

func unlockTerminal(keys *os.File) (number int, err error) {
	raw, err := keys.SyscallConn()
	if err != nil {
		return 0, err
	}
	failed := raw.Control(func(fd uintptr) {
		if err = unix.IoctlSetPointerInt(int(fd), unix.TIOCSPTLCK, 0); err == nil {
			number, err = unix.IoctlGetInt(int(fd), unix.TIOCGPTN)
		}
	})
	if err == nil {
		err = failed
	}
	return number, err
}

func (s *screen) watch() {
	defer close(s.done)
	buf := make([]byte, 4096)
	for {
		n, err := s.keys.Read(buf)
		if err != nil {
			return
		}
		s.mu.Lock()
		s.text.Write(buf[:n])
		s.mu.Unlock()
	}
}

func (s *screen) seen() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.String()
}

// typed forgets what was shown before, so that the next wait is for an answer.
func (s *screen) typed(keys string) error {
	s.mu.Lock()
	s.text.Reset()
	s.mu.Unlock()
	_, err := s.keys.WriteString(keys)
	return err
}

func (s *screen) close() {
	s.tty.Close()
	s.keys.Close()
	<-s.done
}
