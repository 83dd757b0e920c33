package ways

import (
	"errors"
	"os"
	"strings"
	"time"
	"unicode/utf16"
	"unsafe"

	"golang.org/x/sys/windows"
)

// ttyFile is what a terminal reads and writes.
type ttyFile = *console

// console is the console of this process. Its lines are edited here: a read that
// the system edits (ENABLE_LINE_INPUT) cannot be ended.
type console struct {
	in, out windows.Handle
	ended   windows.Handle // an event: reads end
	echo    bool
	high    rune   // the first half of a character
	line    []byte // typed and not ended
	ready   []byte // lines to be read
}

// openTTY opens the console, whatever standard input and output are.
func openTTY(*os.File) (ttyFile, error) {
	in, err := openConsole("CONIN$")
	if err != nil {
		return nil, err
	}
	out, err := openConsole("CONOUT$")
	if err != nil {
		_ = windows.CloseHandle(in)
		return nil, err
	}
	ended, err := windows.CreateEvent(nil, 1, 0, nil)
	if err != nil {
		_ = windows.CloseHandle(in)
		_ = windows.CloseHandle(out)
		return nil, os.NewSyscallError("CreateEvent", err)
	}
	return &console{in: in, out: out, ended: ended}, nil
}

func openConsole(name string) (windows.Handle, error) {
	path, err := windows.UTF16PtrFromString(name)
	if err != nil {
		return 0, err
	}
	handle, err := windows.CreateFile(path, windows.GENERIC_READ|windows.GENERIC_WRITE,
		windows.FILE_SHARE_READ|windows.FILE_SHARE_WRITE, nil, windows.OPEN_EXISTING, 0, 0)
	if err != nil {
		return 0, &os.PathError{Op: "open", Path: name, Err: err}
	}
	return handle, nil
}

// reopen is the terminal again, for a writer beside a question.
func reopen(ttyFile) (ttyFile, error) { return openTTY(nil) }

// setExclusive is for terminals that other processes can open.
func setExclusive(ttyFile, bool) error { return errors.ErrUnsupported }

func (c *console) Name() string { return "CONIN$" }

func (c *console) Close() error {
	return errors.Join(windows.CloseHandle(c.in), windows.CloseHandle(c.out), windows.CloseHandle(c.ended))
}

// SetDeadline ends reads at once, for a time that is over, or lets them go on.
// There is no clock behind it.
func (c *console) SetDeadline(t time.Time) error {
	if t.IsZero() || time.Until(t) > 0 {
		return windows.ResetEvent(c.ended)
	}
	return windows.SetEvent(c.ended)
}

// SetWriteDeadline does nothing: a console takes what is written.
func (c *console) SetWriteDeadline(time.Time) error { return nil }

func (c *console) Write(b []byte) (int, error) {
	chars := utf16.Encode([]rune(strings.ReplaceAll(string(b), "\n", "\r\n")))
	for len(chars) > 0 {
		var n uint32
		if err := windows.WriteConsole(c.out, &chars[0], uint32(len(chars)), &n, nil); err != nil {
			return 0, os.NewSyscallError("WriteConsole", err)
		}
		chars = chars[n:]
	}
	return len(b), nil
}

// Read returns a line with its end, or Ctrl-C alone.
func (c *console) Read(b []byte) (int, error) {
	for len(c.ready) == 0 {
		first, err := windows.WaitForMultipleObjects([]windows.Handle{c.ended, c.in}, false, windows.INFINITE)
		switch {
		case err != nil:
			return 0, os.NewSyscallError("WaitForMultipleObjects", err)
		case first == windows.WAIT_OBJECT_0:
			return 0, os.ErrDeadlineExceeded
		}
		if err := c.take(); err != nil {
			return 0, err
		}
	}
	n := copy(b, c.ready)
	clear(c.ready[:n])
	c.ready = c.ready[n:]
	return n, nil
}

// keyEvent is INPUT_RECORD with a KEY_EVENT_RECORD.
type keyEvent struct {
	kind, _                    uint16
	down                       int32
	repeat, code, scan, letter uint16
	control                    uint32
}

var readConsoleInput = windows.NewLazySystemDLL("kernel32.dll").NewProc("ReadConsoleInputW")

// take handles one event of the console.
func (c *console) take() error {
	const isKey = 1
	var event keyEvent
	var n uint32
	if ok, _, err := readConsoleInput.Call(uintptr(c.in), uintptr(unsafe.Pointer(&event)), 1, uintptr(unsafe.Pointer(&n))); ok == 0 {
		return os.NewSyscallError("ReadConsoleInput", err)
	}
	if n == 0 || event.kind != isKey || event.down == 0 {
		return nil
	}
	for range max(event.repeat, 1) {
		if err := c.handleKey(rune(event.letter)); err != nil {
			return err
		}
	}
	return nil
}

func checkTerminal(c ttyFile) error {
	var mode uint32
	if windows.GetConsoleMode(c.in, &mode) != nil {
		return errors.New("this process has no console")
	}
	return nil
}

// setMode has every key handed on as it is, Ctrl-C too: at a question it denies,
// and does not end the daemon.
func setMode(c ttyFile, echo bool) (restore func(), err error) {
	const edited = windows.ENABLE_PROCESSED_INPUT | windows.ENABLE_LINE_INPUT | windows.ENABLE_ECHO_INPUT |
		windows.ENABLE_MOUSE_INPUT | windows.ENABLE_WINDOW_INPUT | windows.ENABLE_VIRTUAL_TERMINAL_INPUT
	var before uint32
	if err := windows.GetConsoleMode(c.in, &before); err != nil {
		return nil, os.NewSyscallError("GetConsoleMode", err)
	}
	if err := windows.SetConsoleMode(c.in, before&^edited); err != nil {
		return nil, os.NewSyscallError("SetConsoleMode", err)
	}
	c.echo = echo
	return func() {
		_ = flush(c) // half a line must not reach the shell or the next question
		_ = windows.SetConsoleMode(c.in, before)
	}, nil
}

// flush drops what was typed and not read.
func flush(c ttyFile) error {
	c.forget()
	clear(c.ready)
	c.ready = nil
	return os.NewSyscallError("FlushConsoleInputBuffer", windows.FlushConsoleInputBuffer(c.in))
}

// sizeOf says nothing of a console: its window scrolls.
func sizeOf(ttyFile) size { return size{} }
