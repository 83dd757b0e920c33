//go:build unix

package confirm

import (
	"os"
	"os/exec"
	"syscall"
)

// ownGroup starts the program in a session of its own: one signal reaches all
// that it starts, and it has no terminal to fall back to.
func ownGroup(cmd *exec.Cmd) { cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true} }

func killGroup(cmd *exec.Cmd) error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }

// programSuffix ends the names of programs.
const programSuffix = ""

// runnable says whether a file is a program.
func runnable(info os.FileInfo) bool { return info.Mode()&0o111 != 0 }

// connect makes a connection to a program, of which both its standard input and
// its output are the other end. A socket, other than a pipe, cannot be opened by
// another process of the user through /proc/PID/fd.
func connect() (ours connection, stdin, stdout *os.File, err error) {
	conn, theirs, err := socketPair()
	if err != nil {
		return nil, nil, nil, err
	}
	return conn, theirs, theirs, nil
}

func socketPair() (ours, theirs *os.File, err error) {
	syscall.ForkLock.RLock()
	fds, err := syscall.Socketpair(syscall.AF_UNIX, syscall.SOCK_STREAM, 0)
	if err == nil {
		syscall.CloseOnExec(fds[0])
		syscall.CloseOnExec(fds[1])
	}
	syscall.ForkLock.RUnlock()
	if err != nil {
		return nil, nil, os.NewSyscallError("socketpair", err)
	}
	if err := syscall.SetNonblock(fds[0], true); err != nil { // so that a read can be ended
		_ = syscall.Close(fds[0])
		_ = syscall.Close(fds[1])
		return nil, nil, os.NewSyscallError("fcntl", err)
	}
	return os.NewFile(uintptr(fds[0]), "prompt"), os.NewFile(uintptr(fds[1]), "broker"), nil
}
