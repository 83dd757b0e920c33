//go:build linux

package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/keybroker/keybroker/platform/platformtest"
)

// await tries until done, each hundredth of a second, or says that it was in vain.
func await(done func() bool) bool {
	for end := time.Now().Add(patience); !done(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			return false
		}
	}
	return true
}

// childrenLeft returns the processes that are still there when every script
// has ended. Those that end by themselves just now are waited for; the others
// are killed.
func childrenLeft() []string {
	var left []string
	for end := time.Now().Add(5 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		if left = children(); len(left) == 0 || time.Now().After(end) {
			break
		}
	}
	for _, line := range left {
		var pid int
		if _, err := fmt.Sscan(line, &pid); err == nil {
			_ = syscall.Kill(pid, syscall.SIGKILL)
		}
	}
	return left
}

// children reaps the children of this process that have ended and returns the
// others, each as "pid command line".
func children() []string {
	for {
		if pid, err := unix.Wait4(-1, nil, unix.WNOHANG, nil); pid <= 0 && !errors.Is(err, unix.EINTR) {
			break
		}
	}
	lists, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", os.Getpid()))
	var found []string
	for _, list := range lists {
		for _, pid := range strings.Fields(readOr(list)) {
			found = append(found, pid+" "+strings.ReplaceAll(readOr("/proc/"+pid+"/cmdline"), "\x00", " "))
		}
	}
	return found
}

// process is a program that a script has started. Its end is awaited from the start.
type process struct {
	*exec.Cmd
	done <-chan struct{} // closed when it has ended
}

// startProcess makes it end with the tests, should they be killed.
func startProcess(cmd *exec.Cmd) (*process, error) {
	ended, err := platformtest.Start(cmd)
	return &process{cmd, ended}, err
}

func (p *process) ended() bool {
	select {
	case <-p.done:
		return true
	default:
		return false
	}
}

// stop lets the process clear up: a killed X server leaves its socket behind.
func (p *process) stop() {
	_ = p.Process.Signal(syscall.SIGTERM)
	<-p.done
}

func (p *process) kill() {
	_ = p.Process.Kill() // it may have ended
	<-p.done
}
