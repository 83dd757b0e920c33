// Package platformtest tries what one process can do to another one of its user.
package platformtest

import (
	"fmt"
	"os"
	"runtime"
	"syscall"

	"golang.org/x/sys/unix"
)

// Reach tries to look into a process and to write into its standard input and
// output, and returns what came of each try: nil is a success. The caller runs as
// the user of that process; root reaches everything but a socket in /proc.
func Reach(pid int) map[string]error {
	return map[string]error{
		"memory":     open(fmt.Sprintf("/proc/%d/mem", pid), os.O_RDWR),
		"input":      open(fmt.Sprintf("/proc/%d/fd/0", pid), os.O_WRONLY),
		"output":     open(fmt.Sprintf("/proc/%d/fd/1", pid), os.O_WRONLY),
		"descriptor": descriptor(pid),
		"trace":      trace(pid),
	}
}

func open(path string, flags int) error {
	file, err := os.OpenFile(path, flags|unix.O_NONBLOCK, 0)
	if err != nil {
		return err
	}
	return file.Close()
}

// descriptor takes a copy of the process's standard input: pidfd_getfd(2).
func descriptor(pid int) error {
	process, err := unix.PidfdOpen(pid, 0)
	if err != nil {
		return os.NewSyscallError("pidfd_open", err)
	}
	defer unix.Close(process)
	fd, err := unix.PidfdGetfd(process, 0, 0)
	if err != nil {
		return os.NewSyscallError("pidfd_getfd", err)
	}
	return unix.Close(fd)
}

// trace attaches to the process and lets it go.
func trace(pid int) error {
	runtime.LockOSThread() // the tracer is a thread
	defer runtime.UnlockOSThread()
	if err := syscall.PtraceAttach(pid); err != nil {
		return os.NewSyscallError("ptrace", err)
	}
	_, err := syscall.Wait4(pid, nil, syscall.WALL, nil)
	_ = syscall.PtraceDetach(pid)
	return err
}
