package taskdialog

import (
	"fmt"
	"runtime"
	"unsafe"

	"github.com/keybroker/keybroker/desktop/plain"
	"github.com/keybroker/keybroker/desktop/question"
)

// Sizes at 96 dots per inch.
const (
	formWidth    = 620
	formMargin   = 16
	formGap      = 8
	editHeight   = 26
	buttonWidth  = 104
	buttonHeight = 30
)

// Styles of winuser.h.
const (
	wsChildVisible  = 0x50000000
	wsTabStop       = 0x00010000
	wsExClientEdge  = 0x00000200
	ssNoPrefix      = 0x0080 // shows "&" as it is
	esAutoHScroll   = 0x0080
	esPassword      = 0x0020
	bsDefPushButton = 0x0001
)

// form is the content of the entry's window, from top to bottom.
type form struct {
	fonts
	parent                 uintptr
	y                      int32 // of the next control
	edit                   uintptr
	statusLine             uintptr
	okButton, cancelButton uintptr
}

// build makes the controls of q and fits the window to them.
func (f *form) build(window uintptr, q question.Question) error {
	if f.parent = window; f.err != nil {
		return f.err
	}
	f.y = f.px(formMargin)
	f.paragraph(plain.Title(q), f.bold)
	f.paragraph(plain.Body(q, f.fitsWithin(formWidth-2*formMargin)), f.font)
	f.paragraph(plain.Line(q.Error), f.bold)
	f.paragraph(plain.Line(q.Prompt), f.font)
	f.edit = f.control("EDIT", "", wsTabStop|esAutoHScroll|esPassword, wsExClientEdge, 0, f.row(editHeight), f.font)
	f.statusLine = f.paragraph(clippedText, f.font) // room for the longest text
	setText(f.statusLine, "")
	at := f.row(buttonHeight)
	at.right = at.left + f.px(buttonWidth)
	f.cancelButton = f.control("BUTTON", "Cancel", wsTabStop, 0, idCancel, at, f.font)
	at.left, at.right = f.px(formWidth-formMargin-buttonWidth), f.px(formWidth-formMargin)
	f.okButton = f.control("BUTTON", "OK", wsTabStop|bsDefPushButton, 0, idOK, at, f.font)
	f.resize()
	for _, control := range []uintptr{f.edit, f.statusLine, f.okButton, f.cancelButton} {
		if control == 0 {
			return fmt.Errorf("a control of the dialog could not be created")
		}
	}
	return nil
}

// row is an area of the full width.
func (f *form) row(height int32) rect {
	at := rect{f.px(formMargin), f.y, f.px(formWidth - formMargin), f.y + f.px(height)}
	f.y = at.bottom + f.px(formGap)
	return at
}

// paragraph adds text of several lines.
func (f *form) paragraph(s string, font uintptr) uintptr {
	if s == "" {
		return 0
	}
	at := f.row(0)
	at.bottom += f.measure(s, font, at.width()).height()
	f.y = at.bottom + f.px(formGap)
	return f.control("STATIC", s, ssNoPrefix, 0, 0, at, font)
}

func (f *form) control(class, label string, style, extended, id uintptr, at rect, font uintptr) uintptr {
	c, l := wideString(class), wideString(label)
	window, _, _ := createWindowEx.Call(extended, uintptr(unsafe.Pointer(c)), uintptr(unsafe.Pointer(l)), wsChildVisible|style,
		uintptr(at.left), uintptr(at.top), uintptr(at.width()), uintptr(at.height()), f.parent, id, 0, 0)
	runtime.KeepAlive(c)
	runtime.KeepAlive(l)
	_, _, _ = sendMessage.Call(window, wmSetFont, font, 1)
	return window
}

// resize fits the window to its form, in the middle of the screen.
func (f *form) resize() {
	outer, err := windowRect(f.parent)
	inner, err2 := clientRect(f.parent)
	if err != nil || err2 != nil {
		return // watch.fits then fails too
	}
	width := f.px(formWidth) + outer.width() - inner.width()
	height := f.y + f.px(formMargin-formGap) + outer.height() - inner.height()
	area := workArea()
	x, y := area.left+(area.width()-width)/2, area.top+(area.height()-height)/2
	_, _, _ = setWindowPos.Call(f.parent, 0, uintptr(x), uintptr(y), uintptr(width), uintptr(height), swpNoOrder|swpNoFocus)
	setText(f.parent, windowTitle)
}
