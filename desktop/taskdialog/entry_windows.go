package taskdialog

import (
	"errors"
	"fmt"
	"runtime"
	"unicode/utf16"
	"unicode/utf8"
	"unsafe"

	"golang.org/x/sys/windows"

	"github.com/keybroker/keybroker/desktop/plain"
	"github.com/keybroker/keybroker/desktop/question"
	"github.com/keybroker/keybroker/platform"
)

// Messages of the entry's window (winuser.h).
const (
	wmCommand    = 0x0111
	wmInitDialog = 0x0110
	wmTimer      = 0x0113
	wmSetFont    = 0x0030
	emLimitText  = 0x00c5
)

const (
	tickTimer = 1
	tickTime  = 200 // milliseconds, like a task dialog
	// maxTyped bounds the typed text in UTF-16 words, each of which becomes at most
	// three bytes of UTF-8.
	maxTyped = question.MaxSecret / 3
)

// entry is a dialog with an entry field.
type entry struct {
	watch
	form
	shownStatus string
	enabled     bool // the OK button
	answer      question.Answer
	err         error
}

func showEntry(q question.Question, gone <-chan struct{}) question.Answer {
	e := &entry{watch: watch{q: q, gone: gone}, form: form{fonts: newFonts()}}
	defer e.release()
	template := dialogTemplate()
	result, _, cause := dialogBoxIndirectParam.Call(0, uintptr(unsafe.Pointer(&template[0])), 0, windows.NewCallback(e.handle), 0)
	runtime.KeepAlive(template)
	switch {
	case int32(result) < 0:
		return failed(fmt.Errorf("DialogBoxIndirectParam: %w", cause))
	case e.err != nil:
		return failed(e.err)
	case e.answer.Word == "":
		return failed(errors.New("the dialog ended without an answer"))
	}
	return e.answer
}

// dialogTemplate is a DLGTEMPLATE without controls, which are added when the size of the
// text is known. It is aligned to 32 bits.
func dialogTemplate() []uint32 {
	const (
		wsPopupCaptionSysmenu = 0x80c80000
		dsModalFrameCenter    = 0x0880
	)
	return []uint32{wsPopupCaptionSysmenu | dsModalFrameCenter, 0, 0, 0, 0, 0, 0}
}

// handle is DLGPROC.
func (e *entry) handle(window, message, wParam, _ uintptr) uintptr {
	switch uint32(message) {
	case wmInitDialog:
		e.open(window)
		return 0 // open has set the focus
	case wmTimer:
		e.tick()
	case wmCommand:
		switch wParam & 0xffff {
		case idOK:
			e.submit()
		case idCancel:
			e.end(question.Closed)
		default:
			return 0
		}
	default:
		return 0
	}
	return 1
}

func (e *entry) open(window uintptr) {
	e.window = window
	if e.err = e.build(window, e.q); e.err != nil {
		e.end(question.Failed)
		return
	}
	if !e.fits() {
		e.end(question.TooLong)
		return
	}
	_, _, _ = sendMessage.Call(e.edit, emLimitText, maxTyped, 0)
	seal(e.edit)
	e.setEnabled(false)
	_, _, _ = setTimer.Call(window, tickTimer, tickTime, 0)
	e.begin(window)
	_, _, _ = setFocus.Call(e.edit)
}

func (e *entry) end(word question.Word) {
	if e.answer.Word == "" {
		e.answer.Word = word
	}
	_, _, _ = endDialog.Call(e.window, 0)
}

func (e *entry) tick() {
	if e.isOver() {
		e.end(question.Closed)
		return
	}
	e.check()
	if ready := e.guard.ShownArmed(); ready != e.enabled {
		e.setEnabled(ready)
	}
	if now := e.status(); now != e.shownStatus {
		e.shownStatus = now
		setText(e.statusLine, now)
	}
}

// status also warns about Caps Lock: a PIN has few tries.
func (e *entry) status() string {
	if state, _, _ := getKeyState.Call(vkCapital); state&1 != 0 && !e.seen.covered && !e.seen.clipped {
		return "Caps Lock is on. " + plain.TimeoutText(e.q, e.left())
	}
	return e.watch.status()
}

func (e *entry) setEnabled(on bool) {
	var flag uintptr
	if on {
		flag = 1
	}
	e.enabled = on
	_, _, _ = enableWindow.Call(e.okButton, flag)
}

// submit answers with what was typed, if anything was.
func (e *entry) submit() {
	if length, _, _ := getWindowTextLength.Call(e.edit); length == 0 || !e.accepts(true) {
		return
	}
	e.answer = question.Answer{Word: question.Typed, Text: e.typed()}
	e.end(question.Typed)
}

// typed moves the secret out of its control. It overwrites the control's memory, which
// the system does not wipe.
func (e *entry) typed() []byte {
	memory, free := platform.LockedAlloc((maxTyped + 1) * 2)
	defer free()
	chars := unsafe.Slice((*uint16)(unsafe.Pointer(&memory[0])), maxTyped+1)
	n, _, _ := getWindowText.Call(e.edit, uintptr(unsafe.Pointer(&chars[0])), uintptr(len(chars)))
	secret := make([]byte, 0, question.MaxSecret)
	for i := 0; i < int(n); i++ {
		r := rune(chars[i])
		if utf16.IsSurrogate(r) && i+1 < int(n) {
			r, i = utf16.DecodeRune(r, rune(chars[i+1])), i+1
		}
		secret = utf8.AppendRune(secret, r)
	}
	for i := range chars[:n] {
		chars[i] = ' '
	}
	_, _, _ = setWindowText.Call(e.edit, uintptr(unsafe.Pointer(&chars[0])))
	return secret
}

func setText(window uintptr, s string) {
	chars := wideString(s)
	_, _, _ = setWindowText.Call(window, uintptr(unsafe.Pointer(chars)))
	runtime.KeepAlive(chars)
}
