package taskdialog

import (
	"fmt"
	"runtime"
	"unsafe"
)

// fonts are the system's fonts for messages.
type fonts struct {
	font, bold uintptr
	dpi        int32
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

func newFonts() (f fonts) {
	const (
		spiGetNonClientMetrics = 0x0029
		logPixelsY             = 90
		weightBold             = 700
	)
	m := metrics{}
	m.size = uint32(unsafe.Sizeof(m))
	if ok, _, cause := systemParametersInfo.Call(spiGetNonClientMetrics, uintptr(m.size), uintptr(unsafe.Pointer(&m)), 0); ok == 0 {
		f.err = fmt.Errorf("SystemParametersInfo: %w", cause)
		return f
	}
	dc, _, _ := getDC.Call(0)
	dots, _, _ := getDeviceCaps.Call(dc, logPixelsY)
	_, _, _ = releaseDC.Call(0, dc)
	f.dpi = max(int32(dots), 96)
	var cause error
	f.font, _, cause = createFontIndirect.Call(uintptr(unsafe.Pointer(&m.message)))
	m.message.weight = weightBold
	f.bold, _, _ = createFontIndirect.Call(uintptr(unsafe.Pointer(&m.message)))
	if f.font == 0 || f.bold == 0 {
		f.err = fmt.Errorf("CreateFontIndirect: %w", cause)
	}
	return f
}

func (f *fonts) release() {
	for _, font := range []uintptr{f.font, f.bold} {
		if font != 0 {
			_, _, _ = deleteObject.Call(font)
		}
	}
}

// px converts a size at 96 dots per inch to pixels.
func (f *fonts) px(units int32) int32 { return units * f.dpi / 96 }

// measure is the size of s in lines of at most width pixels.
func (f *fonts) measure(s string, font uintptr, width int32) rect {
	const calcRectWordBreakNoPrefixEditControl = 0x0400 | 0x0010 | 0x0800 | 0x2000
	dc, _, _ := getDC.Call(0)
	defer func() { _, _, _ = releaseDC.Call(0, dc) }()
	before, _, _ := selectObject.Call(dc, font)
	defer func() { _, _, _ = selectObject.Call(dc, before) }()
	chars, at := wideString(s), rect{right: width}
	_, _, _ = drawText.Call(dc, uintptr(unsafe.Pointer(chars)), ^uintptr(0), uintptr(unsafe.Pointer(&at)), calcRectWordBreakNoPrefixEditControl)
	runtime.KeepAlive(chars)
	return at
}

// fitsWithin reports whether a line is at most units wide, at 96 dots per inch.
func (f *fonts) fitsWithin(units int32) func(line string) bool {
	const endless = 1 << 20
	return func(line string) bool { return f.measure(line, f.font, endless).width() <= f.px(units) }
}

// dialogUnits converts n horizontal dialog units to units at 96 dots per inch. A dialog
// unit is a quarter of the font's mean character width.
func (f *fonts) dialogUnits(n int32) int32 {
	const (
		alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
		endless  = 1 << 20
	)
	return n * f.measure(alphabet, f.font, endless).width() * 96 / (int32(len(alphabet)) * 4 * max(f.dpi, 96))
}
