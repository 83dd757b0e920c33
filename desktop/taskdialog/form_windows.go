package taskdialog

import (
	"fmt"
	"runtime"
	"unsafe"

	"github.com/keybroker/keybroker/desktop/plain"
	"github.com/keybroker/keybroker/desktop/question"
)

// Sizes at 96 dots an inch.
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
	ssNoPrefix      = 0x0080 // "&" is a letter
	esAutoHScroll   = 0x0080
	esPassword      = 0x0020
	bsDefPushButton = 0x0001
)

// form is what stands in the entry's window, from top to bottom.
type form struct {
	letters
	parent      uintptr
	y           int32 // where the next control goes
	edit        uintptr
	line        uintptr // says what silence means
	okay, close uintptr
}

// build makes the controls of q, and the window as large as they are.
func (f *form) build(window uintptr, q question.Question) error {
	if f.parent = window; f.err != nil {
		return f.err
	}
	f.y = f.px(formMargin)
	f.paragraph(plain.Title(q), f.bold)
	f.paragraph(plain.Body(q, f.within(formWidth-2*formMargin)), f.font)
	f.paragraph(plain.Line(q.Error), f.bold)
	f.paragraph(plain.Line(q.Prompt), f.font)
	f.edit = f.control("EDIT", "", wsTabStop|esAutoHScroll|esPassword, wsExClientEdge, 0, f.row(editHeight), f.font)
	f.line = f.paragraph(liesBelow, f.font)
	setText(f.line, "")
	at := f.row(buttonHeight)
	at.right = at.left + f.px(buttonWidth)
	f.close = f.control("BUTTON", "Cancel", wsTabStop, 0, idCancel, at, f.font)
	at.left, at.right = f.px(formWidth-formMargin-buttonWidth), f.px(formWidth-formMargin)
	f.okay = f.control("BUTTON", "OK", wsTabStop|bsDefPushButton, 0, idOK, at, f.font)
	f.resize()
	for _, made := range []uintptr{f.edit, f.line, f.okay, f.close} {
		if made == 0 {
			return fmt.Errorf("a control of the dialog could not be made")
		}
	}
	return nil
}

// row is a place over the whole width.
func (f *form) row(height int32) rect {
	at := rect{f.px(formMargin), f.y, f.px(formWidth - formMargin), f.y + f.px(height)}
	f.y = at.bottom + f.px(formGap)
	return at
}

// paragraph is text of as many lines as it takes.
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
	c, l := text(class), text(label)
	window, _, _ := createWindowEx.Call(extended, uintptr(unsafe.Pointer(c)), uintptr(unsafe.Pointer(l)), wsChildVisible|style,
		uintptr(at.left), uintptr(at.top), uintptr(at.width()), uintptr(at.height()), f.parent, id, 0, 0)
	runtime.KeepAlive(c)
	runtime.KeepAlive(l)
	_, _, _ = sendMessage.Call(window, wmSetFont, font, 1)
	return window
}

// resize makes the window as large as its form, in the middle of the screen.
func (f *form) resize() {
	outer, err := place(f.parent)
	inner, err2 := inside(f.parent)
	if err != nil || err2 != nil {
		return // then it does not fit, and says so
	}
	width := f.px(formWidth) + outer.width() - inner.width()
	height := f.y + f.px(formMargin-formGap) + outer.height() - inner.height()
	area := workArea()
	x, y := area.left+(area.width()-width)/2, area.top+(area.height()-height)/2
	_, _, _ = setWindowPos.Call(f.parent, 0, uintptr(x), uintptr(y), uintptr(width), uintptr(height), swpNoOrder|swpNoFocus)
	setText(f.parent, windowTitle)
}
