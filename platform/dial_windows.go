package platform

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"time"
	"unsafe"

	"golang.org/x/sys/windows"
)

const (
	// busyWait bounds one wait for a free instance, so that the end of a context is
	// noticed.
	busyWait = 50 * time.Millisecond
	// maxBusy bounds the waiting where the context has no end.
	maxBusy = 10 * time.Second
)

// Dial connects to a pipe that Listen made, or to another agent's. It sends nothing to
// a pipe that another user made: any user can create a pipe of any name first.
func Dial(ctx context.Context, path string) (net.Conn, error) {
	name, err := pipeName(path)
	if err != nil {
		return nil, fmt.Errorf("dial: %w", err)
	}
	ctx, cancel := context.WithTimeout(ctx, maxBusy)
	defer cancel()
	pipe, err := openPipe(ctx, name)
	if err != nil {
		return nil, &net.OpError{Op: "dial", Net: "pipe", Addr: pipeAddr(name), Err: err}
	}
	owner, err := checkServer(pipe)
	if err != nil {
		windows.CloseHandle(pipe)
		return nil, &net.OpError{Op: "dial", Net: "pipe", Addr: pipeAddr(name), Err: err}
	}
	return newPipeConn(pipe, name, owner), nil
}

// openPipe waits while every instance has a client. The server learns nothing
// with which it could act in this user's name.
func openPipe(ctx context.Context, name string) (windows.Handle, error) {
	utf16, err := windows.UTF16PtrFromString(name)
	if err != nil {
		return 0, err
	}
	const flags = windows.FILE_FLAG_OVERLAPPED | windows.SECURITY_SQOS_PRESENT | windows.SECURITY_ANONYMOUS
	for {
		pipe, err := windows.CreateFile(utf16, windows.GENERIC_READ|windows.GENERIC_WRITE, 0, nil, windows.OPEN_EXISTING, flags, 0)
		if !errors.Is(err, windows.ERROR_PIPE_BUSY) {
			return pipe, os.NewSyscallError("CreateFile", err)
		}
		if ctx.Err() != nil {
			return 0, errors.Join(err, ctx.Err())
		}
		_ = waitNamedPipe(utf16, busyWait) // whatever it says, CreateFile knows
	}
}

// pipeExists reports whether anybody serves the name.
func pipeExists(name string) bool {
	utf16, err := windows.UTF16PtrFromString(name)
	return err == nil && !errors.Is(waitNamedPipe(utf16, time.Millisecond), windows.ERROR_FILE_NOT_FOUND)
}

// waitNamedPipe waits for an instance without a client; kernel32 has it, and
// x/sys has not.
func waitNamedPipe(name *uint16, most time.Duration) error {
	proc := windows.NewLazySystemDLL("kernel32.dll").NewProc("WaitNamedPipeW")
	if ok, _, err := proc.Call(uintptr(unsafe.Pointer(name)), uintptr(most.Milliseconds())); ok == 0 {
		return err
	}
	return nil
}
