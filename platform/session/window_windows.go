package session

import (
	"fmt"
	"os"
	"runtime"
	"unsafe"

	"golang.org/x/sys/windows"
)

// className is that of our windows.
const className = "keybroker session"

// Parents of a window. HWND_MESSAGE is not on a desktop.
const (
	onDesktop   = uintptr(0)
	messageOnly = ^uintptr(2) // (HWND)-3
)

// From winuser.h and wtsapi32.h.
const (
	wmClose        = 0x0010
	wmQuit         = 0x0012
	popup          = 0x80000000 // WS_POPUP: a window without a frame
	notifyWindow   = 0          // DEVICE_NOTIFY_WINDOW_HANDLE
	forThisSession = 0          // NOTIFY_FOR_THIS_SESSION
	handled        = 1          // also allows sleep and the end of the session
)

// window is one of ours; it belongs to the thread that made it.
type window struct {
	handle uintptr
	thread uint32
	class  *uint16
	module uintptr
}

// procedure is a window procedure. The system cannot free it, so one is made and serves
// every window.
type procedure uintptr

func newProcedure(message func(number uint32, what uintptr) bool) procedure {
	return procedure(windows.NewCallback(func(handle uintptr, number uint32, what, more uintptr) uintptr {
		if number == wmClose { // from taskkill and the like, which may not end it
			return 0
		}
		if message(number, what) {
			return handled
		}
		answer, _, _ := user32("DefWindowProcW").Call(handle, uintptr(number), what, more)
		return answer
	}))
}

func user32(name string) *windows.LazyProc {
	return windows.NewLazySystemDLL("user32.dll").NewProc(name)
}

// onOneThread runs do on a separate thread: a window's messages go to the thread that
// made it.
func onOneThread(do func() error) error {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	return do()
}

// windowClass is WNDCLASSEXW.
type windowClass struct {
	size, style                        uint32
	procedure                          procedure
	classExtra, windowExtra            int32
	instance, icon, cursor, background uintptr
	menu, name                         *uint16
	smallIcon                          uintptr
}

func newWindow(proc procedure, where uintptr) (*window, error) {
	name, err := windows.UTF16PtrFromString(className)
	if err != nil {
		return nil, err
	}
	var module windows.Handle // this program
	if err := windows.GetModuleHandleEx(0, nil, &module); err != nil {
		return nil, err
	}
	class := windowClass{procedure: proc, instance: uintptr(module), name: name}
	class.size = uint32(unsafe.Sizeof(class))
	if atom, _, err := user32("RegisterClassExW").Call(uintptr(unsafe.Pointer(&class))); atom == 0 {
		return nil, os.NewSyscallError("RegisterClassEx", err)
	}
	w := &window{thread: windows.GetCurrentThreadId(), class: name, module: uintptr(module)}
	w.handle, _, err = user32("CreateWindowExW").Call(0, uintptr(unsafe.Pointer(name)), 0, popup, 0, 0, 0, 0, where, 0, w.module, 0)
	if w.handle == 0 {
		w.unregister()
		return nil, fmt.Errorf("no window can be made: %w", err)
	}
	return w, nil
}

func (w *window) unregister() {
	_, _, _ = user32("UnregisterClassW").Call(uintptr(unsafe.Pointer(w.class)), w.module)
}

// subscribe requests the messages that are not sent to everybody.
func (w *window) subscribe() error {
	terminals := windows.NewLazySystemDLL("wtsapi32.dll").NewProc("WTSRegisterSessionNotification")
	if ok, _, err := terminals.Call(w.handle, forThisSession); ok == 0 {
		return os.NewSyscallError("WTSRegisterSessionNotification", err)
	}
	power := user32("RegisterSuspendResumeNotification") // since Windows 8
	if err := power.Find(); err != nil {
		return fmt.Errorf("sleep: %w", err)
	}
	if handle, _, err := power.Call(w.handle, notifyWindow); handle == 0 {
		return os.NewSyscallError("RegisterSuspendResumeNotification", err)
	}
	return nil
}

// message is MSG.
type message struct {
	window     uintptr
	number     uint32
	what, more uintptr
	time       uint32
	x, y       int32
}

// loop runs the procedure until quit.
func (w *window) loop() error {
	var m message
	for {
		switch got, _, err := user32("GetMessageW").Call(uintptr(unsafe.Pointer(&m)), 0, 0, 0); got {
		case 0: // wmQuit
			return nil
		case ^uintptr(0):
			return os.NewSyscallError("GetMessage", err)
		}
		_, _, _ = user32("DispatchMessageW").Call(uintptr(unsafe.Pointer(&m)))
	}
}

// quit ends the loop, from any thread.
func (w *window) quit() {
	_, _, _ = user32("PostThreadMessageW").Call(uintptr(w.thread), wmQuit, 0, 0)
}

func (w *window) close() {
	_, _, _ = windows.NewLazySystemDLL("wtsapi32.dll").NewProc("WTSUnRegisterSessionNotification").Call(w.handle)
	_, _, _ = user32("DestroyWindow").Call(w.handle) // and with it what asked for news of sleep
	w.unregister()
}
