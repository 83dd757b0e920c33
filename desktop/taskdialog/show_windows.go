package taskdialog

import (
	"errors"
	"fmt"
	"runtime"
	"unsafe"

	"golang.org/x/sys/windows"

	"github.com/keybroker/keybroker/desktop/plain"
	"github.com/keybroker/keybroker/desktop/question"
)

// Notifications and messages of a task dialog (commctrl.h).
const (
	tdnCreated       = 0
	tdnButtonClicked = 2
	tdnTimer         = 4 // every 200 ms

	tdmClickButton   = wmUser + 102
	tdmProgressRange = wmUser + 105
	tdmProgressPos   = wmUser + 106
	tdmEnableButton  = wmUser + 111
	tdmUpdateText    = wmUser + 114

	tdeFooter = 2
)

// barLength is the value of a full progress bar.
const barLength = 1000

// Show shows q until the person answers and returns the answer. An error becomes an
// answer that allows nothing. gone is closed when nobody waits for the answer.
func Show(q question.Question, gone <-chan struct{}) question.Answer {
	runtime.LockOSThread() // a window belongs to its thread
	defer runtime.UnlockOSThread()
	if q.Kind == question.Secret {
		return showEntry(q, gone)
	}
	d := &dialog{watch: watch{q: q, gone: gone}, buttons: plain.Buttons(q)}
	return d.run()
}

func failed(err error) question.Answer {
	return question.Answer{Word: question.Failed, Text: []byte(err.Error())}
}

// dialog is one task dialog.
type dialog struct {
	watch
	buttons []plain.Button
	enabled bool // the buttons that allow
	footer  string
	word    question.Word // "": no answer yet
}

func (d *dialog) run() question.Answer {
	if err := taskDialogIndirect.Find(); err != nil {
		return failed(fmt.Errorf("this system has no task dialogs: %w", err))
	}
	var pins runtime.Pinner
	defer pins.Unpin()
	f := newFonts()
	defer f.release()
	if f.err != nil {
		return failed(f.err)
	}
	body := plain.Body(d.q, f.fitsWithin(f.dialogUnits(textWidth)))
	data := config(d.q, body, clippedText, windows.NewCallback(d.callback), &pins)
	result, _, _ := taskDialogIndirect.Call(uintptr(unsafe.Pointer(&data[0])), 0, 0, 0)
	switch {
	case int32(result) < 0:
		return failed(fmt.Errorf("TaskDialogIndirect: %#x", uint32(result)))
	case d.word == "":
		return failed(errors.New("the dialog ended without an answer"))
	}
	return question.Answer{Word: d.word}
}

// callback is PFTASKDIALOGCALLBACK.
func (d *dialog) callback(window, what, wParam, _, _ uintptr) uintptr {
	switch uint32(what) {
	case tdnCreated:
		d.created(window)
	case tdnTimer:
		d.tick()
	case tdnButtonClicked:
		return d.clicked(int(wParam))
	}
	return resultOK
}

func (d *dialog) created(window uintptr) {
	d.window = window
	for i, b := range d.buttons {
		if b.NeedsArming {
			d.enable(i, false)
		}
	}
	if !d.fits() {
		d.end(question.TooLong)
		return
	}
	d.send(tdmProgressRange, 0, barLength<<16)
	d.send(tdmProgressPos, barLength, 0)
	d.begin(window)
}

func (d *dialog) send(message, wParam, lParam uintptr) {
	_, _, _ = sendMessage.Call(d.window, message, wParam, lParam)
}

func (d *dialog) enable(i int, on bool) {
	var flag uintptr
	if on {
		flag = 1
	}
	d.send(tdmEnableButton, uintptr(buttonID(i)), flag)
}

// end closes the dialog with an answer.
func (d *dialog) end(word question.Word) {
	d.word = word
	d.send(tdmClickButton, idCancel, 0)
}

func (d *dialog) tick() {
	if d.isOver() {
		d.end(question.Closed)
		return
	}
	d.check()
	if ready := d.guard.ShownArmed(); ready != d.enabled {
		d.enabled = ready
		for i, b := range d.buttons {
			if b.NeedsArming {
				d.enable(i, ready)
			}
		}
	}
	if now := d.status(); now != d.footer {
		d.footer = now
		chars := wideString(now)
		d.send(tdmUpdateText, tdeFooter, uintptr(unsafe.Pointer(chars)))
		runtime.KeepAlive(chars)
	}
	if d.q.Time > 0 {
		d.send(tdmProgressPos, uintptr(max(d.left()*barLength/d.q.Time, 0)), 0)
	}
}

// clicked handles a press. Another program could have enabled a button, so the guard
// decides. An unknown button does not close the dialog.
func (d *dialog) clicked(id int) uintptr {
	if d.word != "" {
		return resultOK
	}
	for i, b := range d.buttons {
		if id == buttonID(i) && d.accepts(b.NeedsArming) {
			d.word = b.Word
			return resultOK
		}
	}
	return sFalse
}
