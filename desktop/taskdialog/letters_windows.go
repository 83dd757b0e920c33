package taskdialog

import (
	"fmt"
	"runtime"
	"unsafe"
)

// letters are those that the system has for messages.
type letters struct {
	font, bold uintptr
	scale      int32 // dots an inch
	err        error
}

// logFont is LOGFONTW, and metrics is NONCLIENTMETRICSW.
type logFont struct {
	height, width, escapement, orientation, weight int32
	styles                                         [8]byte
	face                                           [32]uint16
}

type metrics struct {
	size                                                        uint32
	borderWidth, scrollWidth, scrollHeight, capWidth, capHeight int32
	caption                                                     logFont
	smallWidth, smallHeight                                     int32
	small                                                       logFont
	menuWidth, menuHeight                                       int32
	menu, status, message                                       logFont
	padding                                                     int32
}

func newLetters() (l letters) {
	const (
		spiGetNonClientMetrics = 0x0029
		logPixelsY             = 90
		weightBold             = 700
	)
	m := metrics{}
	m.size = uint32(unsafe.Sizeof(m))
	if ok, _, cause := systemParametersInfo.Call(spiGetNonClientMetrics, uintptr(m.size), uintptr(unsafe.Pointer(&m)), 0); ok == 0 {
		l.err = fmt.Errorf("SystemParametersInfo: %w", cause)
		return l
	}
	dc, _, _ := getDC.Call(0)
	dots, _, _ := getDeviceCaps.Call(dc, logPixelsY)
	_, _, _ = releaseDC.Call(0, dc)
	l.scale = max(int32(dots), 96)
	var cause error
	l.font, _, cause = createFontIndirect.Call(uintptr(unsafe.Pointer(&m.message)))
	m.message.weight = weightBold
	l.bold, _, _ = createFontIndirect.Call(uintptr(unsafe.Pointer(&m.message)))
	if l.font == 0 || l.bold == 0 {
		l.err = fmt.Errorf("CreateFontIndirect: %w", cause)
	}
	return l
}

func (l *letters) release() {
	for _, font := range []uintptr{l.font, l.bold} {
		if font != 0 {
			_, _, _ = deleteObject.Call(font)
		}
	}
}

// px is a size at 96 dots an inch in dots.
func (l *letters) px(units int32) int32 { return units * l.scale / 96 }

// measure is the place that s takes, in lines of at most that many dots.
func (l *letters) measure(s string, font uintptr, width int32) rect {
	const calcRectWordBreakNoPrefixEditControl = 0x0400 | 0x0010 | 0x0800 | 0x2000
	dc, _, _ := getDC.Call(0)
	defer func() { _, _, _ = releaseDC.Call(0, dc) }()
	before, _, _ := selectObject.Call(dc, font)
	defer func() { _, _, _ = selectObject.Call(dc, before) }()
	chars, at := text(s), rect{right: width}
	_, _, _ = drawText.Call(dc, uintptr(unsafe.Pointer(chars)), ^uintptr(0), uintptr(unsafe.Pointer(&at)), calcRectWordBreakNoPrefixEditControl)
	runtime.KeepAlive(chars)
	return at
}

// within says of a line whether it is at most so long, at 96 dots an inch.
func (l *letters) within(units int32) func(line string) bool {
	const endless = 1 << 20
	return func(line string) bool { return l.measure(line, l.font, endless).width() <= l.px(units) }
}

// dialogUnits are so many horizontal dialog units at 96 dots an inch: quarters
// of the mean width of these letters.
func (l *letters) dialogUnits(n int32) int32 {
	const (
		alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
		endless  = 1 << 20
	)
	return n * l.measure(alphabet, l.font, endless).width() * 96 / (int32(len(alphabet)) * 4 * max(l.scale, 96))
}
