package taskdialog

import (
	"fmt"
	"unsafe"

	"golang.org/x/sys/windows"
)

// Functions that golang.org/x/sys/windows lacks, loaded only from the system directory.
var (
	comctl32 = windows.NewLazySystemDLL("comctl32.dll")
	gdi32    = windows.NewLazySystemDLL("gdi32.dll")
	kernel32 = windows.NewLazySystemDLL("kernel32.dll")
	user32   = windows.NewLazySystemDLL("user32.dll")

	taskDialogIndirect = comctl32.NewProc("TaskDialogIndirect")

	createFontIndirect = gdi32.NewProc("CreateFontIndirectW")
	deleteObject       = gdi32.NewProc("DeleteObject")
	getDeviceCaps      = gdi32.NewProc("GetDeviceCaps")
	selectObject       = gdi32.NewProc("SelectObject")

	getTickCount = kernel32.NewProc("GetTickCount")

	callWindowProc         = user32.NewProc("CallWindowProcW")
	clientToScreen         = user32.NewProc("ClientToScreen")
	createWindowEx         = user32.NewProc("CreateWindowExW")
	dialogBoxIndirectParam = user32.NewProc("DialogBoxIndirectParamW")
	drawText               = user32.NewProc("DrawTextW")
	enableWindow           = user32.NewProc("EnableWindow")
	endDialog              = user32.NewProc("EndDialog")
	getAncestor            = user32.NewProc("GetAncestor")
	getClientRect          = user32.NewProc("GetClientRect")
	getDC                  = user32.NewProc("GetDC")
	getKeyState            = user32.NewProc("GetKeyState")
	getMessageTime         = user32.NewProc("GetMessageTime")
	getWindowRect          = user32.NewProc("GetWindowRect")
	getWindowText          = user32.NewProc("GetWindowTextW")
	getWindowTextLength    = user32.NewProc("GetWindowTextLengthW")
	inSendMessage          = user32.NewProc("InSendMessage")
	monitorFromPoint       = user32.NewProc("MonitorFromPoint")
	releaseDC              = user32.NewProc("ReleaseDC")
	sendMessage            = user32.NewProc("SendMessageW")
	setFocus               = user32.NewProc("SetFocus")
	setForegroundWindow    = user32.NewProc("SetForegroundWindow")
	setTimer               = user32.NewProc("SetTimer")
	setWindowPos           = user32.NewProc("SetWindowPos")
	setWindowLongPtr       = user32.NewProc("SetWindowLongPtrW") // only on 64-bit Windows
	setWindowText          = user32.NewProc("SetWindowTextW")
	systemParametersInfo   = user32.NewProc("SystemParametersInfoW")
	windowFromPoint        = user32.NewProc("WindowFromPoint")
)

// Messages and constants of winuser.h that both dialogs use.
const (
	wmUser     = 0x0400
	idOK       = 1
	idCancel   = 2
	vkCapital  = 0x14
	sFalse     = 1 // S_FALSE: the task dialog stays open
	resultOK   = 0 // S_OK
	topmost    = ^uintptr(0)
	swpNoSize  = 0x0001
	swpNoMove  = 0x0002
	swpNoOrder = 0x0004
	swpNoFocus = 0x0010 // SWP_NOACTIVATE
)

// rect is RECT: right and bottom are exclusive.
type rect struct{ left, top, right, bottom int32 }

func (r rect) width() int32  { return r.right - r.left }
func (r rect) height() int32 { return r.bottom - r.top }

// byValue passes a POINT by value: as one word, or as two on 32-bit Windows.
func byValue(x, y int32) []uintptr {
	if unsafe.Sizeof(uintptr(0)) == 4 {
		return []uintptr{uintptr(x), uintptr(y)}
	}
	return []uintptr{uintptr(uint64(uint32(x)) | uint64(uint32(y))<<32)}
}

func windowRect(window uintptr) (r rect, err error) {
	if ok, _, cause := getWindowRect.Call(window, uintptr(unsafe.Pointer(&r))); ok == 0 {
		return rect{}, fmt.Errorf("GetWindowRect: %w", cause)
	}
	return r, nil
}

// clientRect is the area of a window on the screen without the system's frame.
func clientRect(window uintptr) (r rect, err error) {
	var corner struct{ x, y int32 }
	if ok, _, cause := getClientRect.Call(window, uintptr(unsafe.Pointer(&r))); ok == 0 {
		return rect{}, fmt.Errorf("GetClientRect: %w", cause)
	}
	if ok, _, cause := clientToScreen.Call(window, uintptr(unsafe.Pointer(&corner))); ok == 0 {
		return rect{}, fmt.Errorf("ClientToScreen: %w", cause)
	}
	return rect{corner.x, corner.y, corner.x + r.right, corner.y + r.bottom}, nil
}

// workArea is the screen without the taskbar.
func workArea() (r rect) {
	const spiGetWorkArea = 0x0030
	_, _, _ = systemParametersInfo.Call(spiGetWorkArea, 0, uintptr(unsafe.Pointer(&r)), 0)
	return r
}

// wideString is s as a Windows string. The broker sends no zero byte, which would end
// the string; a zero byte would be shown quoted.
func wideString(s string) *uint16 {
	p, err := windows.UTF16PtrFromString(s)
	if err != nil {
		p, _ = windows.UTF16PtrFromString(fmt.Sprintf("%q", s))
	}
	return p
}

func ticks() uint32 {
	now, _, _ := getTickCount.Call()
	return uint32(now)
}

// messageTime is the time of the current message, in ticks.
func messageTime() uint32 {
	at, _, _ := getMessageTime.Call()
	return uint32(at)
}
