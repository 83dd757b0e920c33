package platform

import (
	"os"

	"golang.org/x/sys/windows"
)

// instance is one end that waits for a client. While it waits, the system
// writes into overlapped.
type instance struct {
	pipe       windows.Handle
	event      windows.Handle // set when a client has come
	overlapped windows.Overlapped
	pending    bool // the system has not let go of overlapped
}

// newInstance makes an instance and lets it wait.
func newInstance(name string, flags uint32, access *windows.SecurityAttributes) (*instance, error) {
	in, err := makeInstance(name, flags, access)
	if err != nil {
		return nil, err
	}
	if err := in.await(); err != nil {
		in.close()
		return nil, os.NewSyscallError("ConnectNamedPipe", err)
	}
	return in, nil
}

// makeInstance makes a byte pipe that other machines cannot reach. Clients can connect
// from here on.
func makeInstance(name string, flags uint32, access *windows.SecurityAttributes) (*instance, error) {
	utf16, err := windows.UTF16PtrFromString(name)
	if err != nil {
		return nil, err
	}
	const mode = windows.PIPE_TYPE_BYTE | windows.PIPE_READMODE_BYTE | windows.PIPE_WAIT | windows.PIPE_REJECT_REMOTE_CLIENTS
	pipe, err := windows.CreateNamedPipe(utf16, flags, mode, windows.PIPE_UNLIMITED_INSTANCES, pipeBuffer, pipeBuffer, 0, access)
	if err != nil {
		return nil, &os.PathError{Op: "CreateNamedPipe", Path: name, Err: err}
	}
	event, err := windows.CreateEvent(nil, 1, 0, nil)
	if err != nil {
		windows.CloseHandle(pipe)
		return nil, os.NewSyscallError("CreateEvent", err)
	}
	return &instance{pipe: pipe, event: event, overlapped: windows.Overlapped{HEvent: event}}, nil
}

func (in *instance) await() error {
	switch err := windows.ConnectNamedPipe(in.pipe, &in.overlapped); err {
	case nil, windows.ERROR_IO_PENDING:
		in.pending = true
		return nil
	case windows.ERROR_PIPE_CONNECTED, windows.ERROR_NO_DATA: // a client connected before, and may be gone again
		return windows.SetEvent(in.event)
	default:
		return err
	}
}

// take returns the pipe after its event was set; the caller then owns it. An error
// means that the client is gone already.
func (in *instance) take() (windows.Handle, error) {
	var err error
	if in.pending {
		var n uint32
		err = windows.GetOverlappedResult(in.pipe, &in.overlapped, &n, false)
	}
	if err != nil {
		in.close()
		return 0, err
	}
	windows.CloseHandle(in.event)
	return in.pipe, nil
}

// cancel ends the waiting, and returns when the system has let go of overlapped.
func (in *instance) cancel() {
	if in.pending && windows.CancelIoEx(in.pipe, &in.overlapped) == nil {
		var n uint32
		_ = windows.GetOverlappedResult(in.pipe, &in.overlapped, &n, true)
	}
	in.close()
}

func (in *instance) close() {
	windows.CloseHandle(in.pipe)
	windows.CloseHandle(in.event)
}
