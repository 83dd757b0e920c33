package main

import (
	"unsafe"

	"golang.org/x/sys/windows"
)

// tellWindow says to the window of that class that the screen was locked, as
// Windows does.
func tellWindow(class *uint16) {
	const (
		messageOnly   = ^uintptr(2) // HWND_MESSAGE
		sessionChange = 0x02b1      // WM_WTSSESSION_CHANGE
		sessionLock   = 7           // WTS_SESSION_LOCK
	)
	user32 := windows.NewLazySystemDLL("user32.dll")
	find, post := user32.NewProc("FindWindowExW"), user32.NewProc("PostMessageW")
	for _, parent := range []uintptr{0, messageOnly} {
		if handle, _, _ := find.Call(parent, 0, uintptr(unsafe.Pointer(class)), 0); handle != 0 {
			_, _, _ = post.Call(handle, sessionChange, sessionLock, 0)
		}
	}
}
