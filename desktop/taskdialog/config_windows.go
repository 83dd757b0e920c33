package taskdialog

import (
	"encoding/binary"
	"runtime"
	"unsafe"

	"github.com/keybroker/keybroker/desktop/plain"
	"github.com/keybroker/keybroker/desktop/question"
)

// Flags of TASKDIALOGCONFIG, without TDF_ENABLE_HYPERLINKS: a value is never a link.
const (
	allowCancellation = 0x0008 // the close button, and Esc
	showProgressBar   = 0x0200
	callbackTimer     = 0x0800
)

// Icons: MAKEINTRESOURCE of -1 and -3.
const (
	iconWarning     = 0xffff
	iconInformation = 0xfffd
)

// firstButton is above the IDs of the system's buttons.
const firstButton = 100

// buttonID is the ID of a button. Esc and the close button press the first one, which
// refuses.
func buttonID(i int) int {
	if i == 0 {
		return idCancel
	}
	return firstButton + i
}

// dialogWidth is in dialog units, wide enough for most lines. textWidth is what the icon
// and the margins leave; longer lines are folded.
const (
	dialogWidth = 380
	textWidth   = dialogWidth * 85 / 100
)

// packed builds a structure of commctrl.h, which has no padding (pshpack1.h). The memory
// that it points to is pinned by pins.
type packed struct {
	data []byte
	pins *runtime.Pinner
}

func (p *packed) number(values ...uint32) {
	for _, v := range values {
		p.data = binary.LittleEndian.AppendUint32(p.data, v)
	}
}

func (p *packed) word(v uintptr) {
	if unsafe.Sizeof(v) == 4 {
		p.number(uint32(v))
		return
	}
	p.data = binary.LittleEndian.AppendUint64(p.data, uint64(v))
}

func (p *packed) text(s string) {
	if s == "" {
		p.word(0)
		return
	}
	chars := wideString(s)
	p.pins.Pin(chars)
	p.word(uintptr(unsafe.Pointer(chars)))
}

func (p *packed) bytes(data []byte) {
	p.pins.Pin(&data[0])
	p.word(uintptr(unsafe.Pointer(&data[0])))
}

// config is the TASKDIALOGCONFIG for q.
func config(q question.Question, body, footer string, callback uintptr, pins *runtime.Pinner) []byte {
	buttons := plain.Buttons(q)
	list := packed{pins: pins} // TASKDIALOG_BUTTON
	for i, b := range buttons {
		list.number(uint32(buttonID(i)))
		list.text(" " + b.Label + " ") // wine leaves a label no room
	}
	flags, icon := uint32(allowCancellation|callbackTimer), uintptr(iconInformation)
	if q.Time > 0 {
		flags |= showProgressBar
	}
	if !plain.AllVerified(q) {
		icon = iconWarning
	}
	c := packed{pins: pins, data: make([]byte, 4)}
	c.word(0) // hwndParent
	c.word(0) // hInstance
	c.number(flags, 0)
	c.text(windowTitle)
	c.word(icon)
	c.text(plain.Title(q))
	c.text(body)
	c.number(uint32(len(buttons)))
	c.bytes(list.data)
	c.number(idCancel, 0) // nDefaultButton refuses; cRadioButtons
	c.word(0)             // pRadioButtons
	c.number(0)           // nDefaultRadioButton
	for range 5 {         // pszVerificationText to hFooterIcon
		c.word(0)
	}
	c.text(footer)
	c.word(callback)
	c.word(0)
	c.number(dialogWidth)
	binary.LittleEndian.PutUint32(c.data, uint32(len(c.data)))
	return c.data
}
