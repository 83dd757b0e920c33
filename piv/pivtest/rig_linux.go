package pivtest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"sync"
	"syscall"
)

// daemon is a running pcscd.
type daemon struct {
	cmd   *exec.Cmd
	ended chan struct{}
	log   lockedBuffer
}

// errDown: there is no pcscd now.
var errDown = errors.New("pivtest: pcscd does not run")

// pcscd's socket is always in /run/pcscd: in its own mount namespace that is
// the rig's directory. The machine's own pcscd, if any, is not seen from there.
const startScript = `set -e
mount --make-rprivate /
mount -t tmpfs -o mode=755 pivrig /run
mkdir /run/pcscd
mount --bind "$1/ipc" /run/pcscd
ip link set lo up
exec pcscd --foreground --config "$1/conf"`

// Missing says what a rig needs that this process has not; nil: nothing.
func Missing() error {
	cmd := exec.Command("sh", "-c", "mount --make-rprivate / && mount -t tmpfs pivrig /run")
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNS | syscall.CLONE_NEWNET}
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("pivtest: a pcscd in its own mount and network namespace is not possible: %w\n%s"+
			"run this as root (in a container: with CAP_SYS_ADMIN; in a chroot: one that is a mount point)", err, out)
	}
	return nil
}

// Start starts pcscd, after Stop, and returns when it answers and has looked
// at all slots.
func (r *Rig) Start() error {
	for _, program := range []string{"pcscd", "ip"} {
		if _, err := exec.LookPath(program); err != nil {
			return fmt.Errorf("pivtest: start rig: %w\nrun `make deps`, which installs it", err)
		}
	}
	d := &daemon{ended: make(chan struct{})}
	d.cmd = exec.Command("sh", "-c", startScript, "pivrig", r.dir)
	// No USB reader of this machine is touched: its drivers are not found.
	d.cmd.Env = append(os.Environ(), "PCSCLITE_HP_DROPDIR="+filepath.Join(r.dir, "none"))
	d.cmd.Stdout, d.cmd.Stderr = &d.log, &d.log
	d.cmd.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags: syscall.CLONE_NEWNS | syscall.CLONE_NEWNET,
		Pdeathsig:  syscall.SIGKILL,
	}
	if err := d.run(); err != nil {
		return fmt.Errorf("pivtest: start pcscd in its own mount and network namespace: %w\n"+
			"run this as root (in a container: with CAP_SYS_ADMIN), or by `unshare --map-root-user …`", err)
	}
	r.setDaemon(d)
	if err := r.ready(d); err != nil {
		return fmt.Errorf("%w\npcscd says: %s", err, d.log.String())
	}
	return nil
}

func (r *Rig) setDaemon(d *daemon) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.daemon = d
}

// current is the running pcscd; nil: none.
func (r *Rig) current() *daemon {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.daemon
}

// run starts the process and reaps it, on a thread of its own: Pdeathsig is
// sent when the thread that started the process ends.
func (d *daemon) run() error {
	started := make(chan error, 1)
	go func() {
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		err := d.cmd.Start()
		started <- err
		if err == nil {
			d.cmd.Wait()
			close(d.ended)
		}
	}()
	return <-started
}

// ready waits for the socket, and until pcscd has looked at each slot.
func (r *Rig) ready(d *daemon) error {
	ctx, cancel := context.WithTimeout(context.Background(), startTime)
	defer cancel()
	ctx, fail := context.WithCancelCause(ctx)
	defer fail(nil)
	go func() {
		select {
		case <-d.ended:
			fail(errDown)
		case <-ctx.Done():
		}
	}()
	if err := poll(ctx, r.answers); err != nil {
		return err
	}
	looked := make(chan error, len(r.slots))
	for i, s := range r.slots {
		go func() {
			if s.Card() != nil {
				looked <- r.waitFor(ctx, i, true)
			} else {
				looked <- s.showEmpty(ctx)
			}
		}()
	}
	var err error
	for range r.slots {
		err = errors.Join(err, <-looked)
	}
	return err
}

func (r *Rig) answers() bool {
	conn, err := net.Dial("unix", r.Socket)
	if err != nil {
		return false
	}
	conn.Close()
	return true
}

// Stop ends pcscd with a signal (SIGTERM or SIGKILL) and removes
// what a killed one leaves behind. Cards stay in their slots.
func (r *Rig) Stop(sig os.Signal) error {
	d := r.current()
	if d == nil {
		return nil
	}
	r.setDaemon(nil)
	if err := d.cmd.Process.Signal(sig); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return fmt.Errorf("pivtest: stop pcscd: %w", err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), startTime)
	defer cancel()
	select {
	case <-d.ended:
	case <-ctx.Done():
		d.cmd.Process.Kill()
		<-d.ended
	}
	for _, left := range []string{"pcscd.pid", "pcscd.comm"} {
		if err := os.Remove(filepath.Join(r.dir, "ipc", left)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("pivtest: stop pcscd: %w", err)
		}
	}
	return nil
}

// PID is pcscd's process; 0: it does not run.
func (r *Rig) PID() int {
	if d := r.current(); d != nil {
		return d.cmd.Process.Pid
	}
	return 0
}

// Log is what pcscd printed.
func (r *Rig) Log() string {
	if d := r.current(); d != nil {
		return d.log.String()
	}
	return ""
}

// lockedBuffer takes what a process prints while others read it.
type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}
