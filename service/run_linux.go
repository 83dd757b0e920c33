package service

import (
	"errors"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"strings"
	"syscall"

	"golang.org/x/term"

	"github.com/keybroker/keybroker/problem"
)

// Run runs a keybroker command as the account, and returns its exit code. Programs of the
// account never get root's terminal: who has it open reads what root types, and can type.
func (a Account) Run(args []string) (int, error) {
	runuser, err := exec.LookPath("runuser")
	if err != nil {
		return 0, problem.With(err, "install util-linux")
	}
	if err := a.TakeEnvironment(); err != nil {
		return 0, err
	}
	line := append([]string{"-u", a.Name, "--", a.Program, "--config", a.Config()}, args...)
	if allTerminals() && hasPTY(runuser) {
		return runWithPTY(exec.Command(runuser, append([]string{"--pty"}, line...)...))
	}
	return runApart(exec.Command(runuser, line...))
}

func allTerminals() bool {
	for fd := range 3 {
		if !term.IsTerminal(fd) {
			return false
		}
	}
	return true
}

// hasPTY reports whether runuser can give the command a terminal of its own (util-linux
// 2.34, 2019).
func hasPTY(runuser string) bool {
	help, _ := exec.Command(runuser, "--help").Output()
	return strings.Contains(string(help), "--pty")
}

// runWithPTY has runuser pass on what is typed and shown, so that questions can be answered.
func runWithPTY(cmd *exec.Cmd) (int, error) {
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	return exitCode(cmd.Run())
}

// runApart runs the command in a session of its own. Where standard input or output is a
// terminal, the command does not get it: it reads nothing, and this process writes for it.
func runApart(cmd *exec.Cmd) (int, error) {
	if !term.IsTerminal(0) {
		cmd.Stdin = os.Stdin
	}
	cmd.Stdout, cmd.Stderr = copiedTo(os.Stdout), copiedTo(os.Stderr)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if err := cmd.Start(); err != nil {
		return 0, err
	}
	ends := make(chan os.Signal, 1)
	signal.Notify(ends, syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP)
	defer signal.Stop(ends)
	over := make(chan struct{})
	defer close(over)
	go func() {
		for {
			select {
			case end := <-ends:
				_ = syscall.Kill(-cmd.Process.Pid, end.(syscall.Signal))
			case <-over:
				return
			}
		}
	}()
	return exitCode(cmd.Wait())
}

// copiedTo is out, or where that is a terminal something that os/exec copies to it.
func copiedTo(out *os.File) io.Writer {
	if term.IsTerminal(int(out.Fd())) {
		return struct{ io.Writer }{out}
	}
	return out
}

func exitCode(err error) (int, error) {
	var ended *exec.ExitError
	if errors.As(err, &ended) {
		return max(1, ended.ExitCode()), nil // -1: a signal
	}
	return 0, err
}
