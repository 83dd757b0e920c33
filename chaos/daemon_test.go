//go:build linux

package chaos

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/keybroker/keybroker/platform/platformtest"
)

// What a daemon at rest may have more at the end than at the start, after some hundred
// faults. A leak of one file or goroutine a fault is more than that.
const (
	moreFiles   = 12
	moreThreads = 500      // Go keeps those that blocked system calls needed, one for each client of a crowd
	moreMemory  = 48 << 10 // KiB; the race detector takes several times as much
	stopTime    = 30 * time.Second
)

// daemon is the keybroker under test. A restart gives it another process.
type daemon struct {
	t       testing.TB
	program string
	env     []string
	dir     string
	output  string // a file

	mu    sync.Mutex // guards the fields that follow
	cmd   *exec.Cmd
	ended <-chan struct{}
}

func (d *daemon) start() {
	d.t.Helper()
	out, err := os.OpenFile(d.output, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		d.t.Fatal(err)
	}
	defer out.Close()
	cmd := exec.Command(d.program, "daemon")
	cmd.Env, cmd.Dir, cmd.Stdout, cmd.Stderr = d.env, d.dir, out, out
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	ended, err := platformtest.Start(cmd)
	if err != nil {
		d.t.Fatal(err)
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.cmd, d.ended = cmd, ended
}

func (d *daemon) pid() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.cmd.Process.Pid
}

func (d *daemon) signal(sig os.Signal) {
	d.mu.Lock()
	defer d.mu.Unlock()
	_ = d.cmd.Process.Signal(sig) // it may have ended, which recover notices
}

// hasEnded says how, if the daemon has ended.
func (d *daemon) hasEnded() (string, bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	select {
	case <-d.ended:
		return d.cmd.ProcessState.String(), true
	default:
		return "", false
	}
}

// wait returns when the daemon has ended.
func (d *daemon) wait() {
	d.t.Helper()
	d.mu.Lock()
	ended := d.ended
	d.mu.Unlock()
	select {
	case <-ended:
	case <-time.After(stopTime):
		d.t.Error("the daemon does not end")
		d.signal(syscall.SIGKILL)
		<-ended
	}
}

func (d *daemon) stop() {
	d.signal(syscall.SIGCONT)
	d.signal(syscall.SIGTERM)
	d.wait()
}

// tail is the end of what the daemon wrote.
func (d *daemon) tail() string {
	data, _ := os.ReadFile(d.output)
	return string(data[max(0, len(data)-16<<10):])
}

// children are the process ids of the daemon's children.
func (d *daemon) children() (pids []int) {
	tasks, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", d.pid()))
	for _, task := range tasks {
		data, _ := os.ReadFile(task)
		for field := range strings.FieldsSeq(string(data)) {
			if pid, err := strconv.Atoi(field); err == nil {
				pids = append(pids, pid)
			}
		}
	}
	return pids
}

// use is what a process holds.
type use struct{ files, threads, memory, peak int } // memory and its peak in KiB

func (d *daemon) measure() use {
	files, _ := os.ReadDir(fmt.Sprintf("/proc/%d/fd", d.pid()))
	status, _ := os.ReadFile(fmt.Sprintf("/proc/%d/status", d.pid()))
	u := use{files: len(files)}
	for line := range strings.Lines(string(status)) {
		_, _ = fmt.Sscanf(line, "Threads: %d", &u.threads)
		_, _ = fmt.Sscanf(line, "RssAnon: %d kB", &u.memory)
		_, _ = fmt.Sscanf(line, "VmHWM: %d kB", &u.peak)
	}
	return u
}

// wantNoLeak waits until the daemon holds little more than before: connections and
// helpers take a moment to go.
func (d *daemon) wantNoLeak(before use) {
	d.t.Helper()
	var now use
	for end := time.Now().Add(recoveryTime); time.Now().Before(end); time.Sleep(100 * time.Millisecond) {
		now = d.measure()
		if now.files <= before.files+moreFiles && now.threads <= before.threads+moreThreads && (raceDetector || now.memory <= before.memory+moreMemory) && len(d.children()) == 0 {
			d.t.Logf("the daemon holds %d files, %d threads, %d KiB (at most %d with its program); at its start it was %d, %d, %d", now.files, now.threads, now.memory, now.peak, before.files, before.threads, before.memory)
			return
		}
	}
	d.t.Errorf("the daemon leaks: it holds %+v and the children %v; at its start it was %+v", now, d.children(), before)
}
