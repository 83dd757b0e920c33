package taskdialog

import "golang.org/x/sys/windows"

// Messages that read or change the text of a control (winuser.h).
const (
	wmSetText         = 0x000c
	wmGetText         = 0x000d
	emReplaceSelected = 0x00c2
	emGetLine         = 0x00c4
	emSetPasswordChar = 0x00cc
)

// seal keeps other programs from reading or setting the text of a control with messages.
// Windows itself protects password controls, wine does not.
func seal(control uintptr) {
	const windowProcedure = ^uintptr(3) // GWLP_WNDPROC, -4
	var before uintptr
	own := windows.NewCallback(func(window, message, wParam, lParam uintptr) uintptr {
		switch uint32(message) {
		case wmSetText, wmGetText, emReplaceSelected, emGetLine:
			if foreign, _, _ := inSendMessage.Call(); foreign != 0 {
				return 0
			}
		case emSetPasswordChar:
			return 0
		}
		result, _, _ := callWindowProc.Call(before, window, message, wParam, lParam)
		return result
	})
	before, _, _ = setWindowLongPtr.Call(control, windowProcedure, own)
}
