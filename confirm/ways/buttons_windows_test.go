package ways

import (
	"testing"
	"unsafe"

	"golang.org/x/sys/windows"

	"github.com/keybroker/keybroker/confirm"
	"github.com/keybroker/keybroker/confirm/confirmtest"
)

// Each label has room in its button.
func TestDialogButtonsHaveRoom(t *testing.T) {
	const room = 4 // pixels on each side
	font := messageFont(t)
	defer deleteObject.Call(font)
	answer := confirmtest.Ask(t, newTestWindow(t), confirmtest.Login(t))
	window := waitArmed(t, "Allow once")
	for _, label := range []string{"Deny", "Deny for 10 minutes", "Allow for 15 minutes", "Allow once"} {
		button := control(window, label)
		if text, at := textWidth(uintptr(button), font, label), rectOf(button); text == 0 || at[2]-at[0] < text+2*room {
			t.Errorf("%q is %d pixels wide, its button %d", label, text, at[2]-at[0])
		}
	}
	press(t, vkReturn)
	if a := <-answer; a.Verdict != confirm.Deny {
		t.Errorf("%+v", a)
	}
	wantGone(t)
}

// textWidth is that of a text in pixels.
func textWidth(window, font uintptr, text string) int32 {
	chars, err := windows.UTF16FromString(text)
	if err != nil {
		return 0
	}
	dc, _, _ := getDC.Call(window)
	defer releaseDC.Call(window, dc)
	before, _, _ := selectObject.Call(dc, font)
	defer selectObject.Call(dc, before)
	var size struct{ width, height int32 }
	_, _, _ = getTextExtent.Call(dc, uintptr(unsafe.Pointer(&chars[0])), uintptr(len(chars)-1), uintptr(unsafe.Pointer(&size)))
	return size.width
}

// messageFont is the system's font for dialogs: that of a control is another process's.
func messageFont(t *testing.T) uintptr {
	t.Helper()
	const (
		getNonClientMetrics = 0x0029
		size, messageAt     = 504, 408 // of NONCLIENTMETRICSW, and lfMessageFont in it
	)
	var metrics [size / 4]uint32
	metrics[0] = size
	if ok, _, err := systemParameters.Call(getNonClientMetrics, size, uintptr(unsafe.Pointer(&metrics[0])), 0); ok == 0 {
		t.Fatal(err)
	}
	font, _, err := createFont.Call(uintptr(unsafe.Pointer(&metrics[messageAt/4])))
	if font == 0 {
		t.Fatal(err)
	}
	return font
}
