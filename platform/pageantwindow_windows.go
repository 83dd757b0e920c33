package platform

import (
	"fmt"
	"net"
	"os"
	"runtime"
	"sync"
	"unsafe"

	"golang.org/x/sys/windows"
)

// maxPageantRequests bounds the requests by message that are answered at once. Each holds
// a thread; further ones wait in their programs.
const maxPageantRequests = 32

// pageantName is the class and the title of the window that clients look for.
const pageantName = "Pageant"

// From winuser.h.
const (
	wmCopyData = 0x004a
	wmQuit     = 0x0012
	wsPopup    = 0x80000000 // a window without a frame
)

// pageantWindow is a listener whose connections are messages to a window. A window
// answers one message at a time. So the one that gets a message makes another one, which
// clients find from then on, and is gone when it has answered.
type pageantWindow struct {
	class  *uint16
	module uintptr
	conns  chan net.Conn
	ended  chan struct{}
	once   sync.Once

	mu     sync.Mutex         // guards what follows
	idle   map[uintptr]uint32 // windows without a message, and the thread of each
	count  int                // all windows
	closed bool               // no more windows are made

	waiting sync.WaitGroup // one for each window in idle, until it is gone
}

// windowClass is WNDCLASSEXW.
type windowClass struct {
	size, style                        uint32
	procedure                          uintptr
	classExtra, windowExtra            int32
	instance, icon, cursor, background uintptr
	menu, name                         *uint16
	smallIcon                          uintptr
}

func user32(name string) *windows.LazyProc {
	return windows.NewLazySystemDLL("user32.dll").NewProc(name)
}

func listenPageantWindow() (net.Listener, error) {
	name, err := windows.UTF16PtrFromString(pageantName)
	if err != nil {
		return nil, err
	}
	if other, _, _ := user32("FindWindowW").Call(uintptr(unsafe.Pointer(name)), uintptr(unsafe.Pointer(name))); other != 0 {
		return nil, pageantInUse()
	}
	var module windows.Handle // this program
	if err := windows.GetModuleHandleEx(0, nil, &module); err != nil {
		return nil, err
	}
	l := &pageantWindow{class: name, module: uintptr(module), conns: make(chan net.Conn), ended: make(chan struct{}), idle: make(map[uintptr]uint32)}
	class := windowClass{procedure: windows.NewCallback(l.handle), instance: l.module, name: name}
	class.size = uint32(unsafe.Sizeof(class))
	if atom, _, err := user32("RegisterClassExW").Call(uintptr(unsafe.Pointer(&class))); atom == 0 {
		return nil, os.NewSyscallError("RegisterClassEx", err)
	}
	if err := l.open(); err != nil {
		l.Close()
		return nil, err
	}
	return l, nil
}

// open makes a window on a thread of its own, and returns when clients find it.
func (l *pageantWindow) open() error {
	l.mu.Lock()
	if l.closed || l.count > maxPageantRequests {
		l.mu.Unlock()
		return nil
	}
	l.count++
	l.mu.Unlock()
	made := make(chan error)
	go func() {
		var window uintptr
		defer func() { l.end(window) }()
		runtime.LockOSThread() // the thread ends with the window
		var err error
		window, _, err = user32("CreateWindowExW").Call(0, uintptr(unsafe.Pointer(l.class)), uintptr(unsafe.Pointer(l.class)), wsPopup, 0, 0, 0, 0, 0, 0, l.module, 0)
		if window == 0 {
			made <- fmt.Errorf("no window can be made: %w", err)
			return
		}
		l.add(window)
		made <- nil
		l.loop(window)
	}()
	return <-made
}

func (l *pageantWindow) add(window uintptr) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.idle[window] = windows.GetCurrentThreadId()
	l.waiting.Add(1)
	if l.closed {
		quit(l.idle[window])
	}
}

// take marks a window as one that has a message, or none any more.
func (l *pageantWindow) take(window uintptr) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.idle[window] != 0 {
		delete(l.idle, window)
		l.waiting.Done()
	}
}

// end counts a window that is gone. If there were too many, the last message made no
// other one.
func (l *pageantWindow) end(window uintptr) {
	l.mu.Lock()
	tooMany := l.count > maxPageantRequests
	l.count--
	l.unregister()
	l.mu.Unlock()
	l.take(window)
	if tooMany {
		_ = l.open()
	}
}

// loop runs handle until it has answered, or Close.
func (l *pageantWindow) loop(window uintptr) {
	var m struct {
		window     uintptr
		number     uint32
		what, more uintptr
		time       uint32
		x, y       int32
	}
	for {
		if got, _, _ := user32("GetMessageW").Call(uintptr(unsafe.Pointer(&m)), 0, 0, 0); got == 0 || got == ^uintptr(0) {
			break
		}
		_, _, _ = user32("DispatchMessageW").Call(uintptr(unsafe.Pointer(&m)))
	}
	_, _, _ = user32("DestroyWindow").Call(window)
}

// handle is WNDPROC. A window that has begun to answer takes no other message: its
// client would wait for this one's.
func (l *pageantWindow) handle(window uintptr, number uint32, what, more uintptr) uintptr {
	if number != wmCopyData {
		answer, _, _ := user32("DefWindowProcW").Call(window, uintptr(number), what, more)
		return answer
	}
	_ = l.open()
	l.take(window)
	_, _, _ = user32("SetWindowTextW").Call(window, 0) // now clients find the other one
	defer quit(windows.GetCurrentThreadId())
	if l.answer(copyDataOf(more)) != nil {
		return 0
	}
	return 1
}

// quit ends the loop of a thread.
func quit(thread uint32) {
	_, _, _ = user32("PostThreadMessageW").Call(uintptr(thread), wmQuit, 0, 0)
}

// Accept implements net.Listener.
func (l *pageantWindow) Accept() (net.Conn, error) {
	select {
	case conn := <-l.conns:
		return conn, nil
	case <-l.ended:
		return nil, net.ErrClosed
	}
}

// Close implements net.Listener. Requests that were taken go on.
func (l *pageantWindow) Close() error {
	l.once.Do(func() {
		close(l.ended)
		l.mu.Lock()
		l.closed = true
		for _, thread := range l.idle {
			quit(thread)
		}
		l.unregister()
		l.mu.Unlock()
		l.waiting.Wait()
	})
	return nil
}

// unregister gives the class back after Close, once, when the last window is gone: a second time it
// would be the class of the next listener. The caller holds mu.
func (l *pageantWindow) unregister() {
	if !l.closed || l.count > 0 {
		return
	}
	_, _, _ = user32("UnregisterClassW").Call(uintptr(unsafe.Pointer(l.class)), l.module)
}

// Addr implements net.Listener.
func (l *pageantWindow) Addr() net.Addr { return windowAddr{} }

type windowAddr struct{}

func (windowAddr) Network() string { return "window" }
func (windowAddr) String() string  { return "the window \"" + pageantName + "\"" }
