package platformtest

import (
	"os/exec"
	"runtime"
	"syscall"
)

// Start starts cmd and waits for it: ended is closed when it has ended. The kernel kills
// it when these tests are killed; it does so when the thread that started the program
// ends, so that thread does nothing else until then.
func Start(cmd *exec.Cmd) (ended <-chan struct{}, err error) {
	if cmd.SysProcAttr == nil {
		cmd.SysProcAttr = new(syscall.SysProcAttr)
	}
	cmd.SysProcAttr.Pdeathsig = syscall.SIGKILL
	started, done := make(chan error), make(chan struct{})
	go func() {
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		defer close(done)
		err := cmd.Start()
		started <- err
		if err == nil {
			_ = cmd.Wait()
		}
	}()
	return done, <-started
}
