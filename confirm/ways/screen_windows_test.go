package ways

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
	"unsafe"

	"golang.org/x/sys/windows"

	"github.com/keybroker/keybroker/confirm/confirmtest"
	"github.com/keybroker/keybroker/desktop/question"
	"github.com/keybroker/keybroker/platform"
)

// The tests use SendInput, which acts like a person's mouse and keyboard. They run on
// Windows and in wine (make windows).
var (
	user32          = windows.NewLazySystemDLL("user32.dll")
	createWindowEx  = user32.NewProc("CreateWindowExW")
	destroyWindow   = user32.NewProc("DestroyWindow")
	getDC           = user32.NewProc("GetDC")
	getWindowText   = user32.NewProc("GetWindowTextW")
	getWindowRect   = user32.NewProc("GetWindowRect")
	isWindowEnabled = user32.NewProc("IsWindowEnabled")
	postMessage     = user32.NewProc("PostMessageW")
	releaseDC       = user32.NewProc("ReleaseDC")
	sendInput       = user32.NewProc("SendInput")
	sendMessage     = user32.NewProc("SendMessageW")
	setWindowPos    = user32.NewProc("SetWindowPos")

	getSystemMetrics = user32.NewProc("GetSystemMetrics")
	systemParameters = user32.NewProc("SystemParametersInfoW")

	gdi32         = windows.NewLazySystemDLL("gdi32.dll")
	createFont    = gdi32.NewProc("CreateFontIndirectW")
	deleteObject  = gdi32.NewProc("DeleteObject")
	getTextExtent = gdi32.NewProc("GetTextExtentPoint32W")
	selectObject  = gdi32.NewProc("SelectObject")
)

// Keys and messages of winuser.h.
const (
	vkTab    = 0x09
	vkReturn = 0x0d
	vkEscape = 0x1b
	vkSpace  = 0x20

	wmClose = 0x0010
)

// builtWindow is the path of the window program that TestMain builds or finds.
var builtWindow string

// TestMain builds the window program unless KEYBROKER_DESKTOP names it, because wine has
// no go command.
func TestMain(m *testing.M) {
	if builtWindow = os.Getenv("KEYBROKER_DESKTOP"); builtWindow != "" {
		os.Exit(m.Run())
	}
	dir, err := os.MkdirTemp("", "keybroker-window-")
	if err != nil {
		panic(err)
	}
	builtWindow = filepath.Join(dir, windowProgram)
	code := 1
	if out, err := exec.Command("go", "build", "-ldflags", "-H windowsgui", "-o", builtWindow, "../../cmd/keybroker-desktop").CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "%v\n%s", err, out)
	} else {
		code = m.Run()
	}
	_ = os.RemoveAll(dir)
	os.Exit(code)
}

func newTestWindow(t *testing.T) *window {
	t.Helper()
	w, err := newWindow(builtWindow, os.Getenv)
	if err != nil {
		t.Fatal(err)
	}
	return w
}

// waitUntil waits for a condition.
func waitUntil(t *testing.T, what string, holds func() bool) {
	t.Helper()
	for end := time.Now().Add(confirmtest.Patience); !holds(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			t.Errorf("waited too long until %s", what)
			return
		}
	}
}

func textOf(window windows.HWND) string {
	var chars [512]uint16
	n, _, _ := getWindowText.Call(uintptr(window), uintptr(unsafe.Pointer(&chars[0])), uintptr(len(chars)))
	return windows.UTF16ToString(chars[:n])
}

// collect is a WNDENUMPROC, made once: a process can have few callbacks and never frees
// one. It appends to a global, because a goroutine's stack may move during the call.
var (
	collected []windows.HWND
	collect   = windows.NewCallback(func(window windows.HWND, _ uintptr) uintptr {
		collected = append(collected, window)
		return 1
	})
)

func children(window windows.HWND) []windows.HWND {
	collected = nil
	windows.EnumChildWindows(window, collect, nil)
	return collected
}

// dialogs lists the visible prompts.
func dialogs() []windows.HWND {
	collected = nil
	_ = windows.EnumWindows(collect, nil)
	return slices.DeleteFunc(collected, func(window windows.HWND) bool {
		return !windows.IsWindowVisible(window) || textOf(window) != "keybroker"
	})
}

// waitDialog waits for a single prompt.
func waitDialog(t *testing.T) (window windows.HWND) {
	t.Helper()
	waitUntil(t, "a dialog is shown", func() bool {
		found := dialogs()
		if len(found) == 1 {
			window = found[0]
		}
		return len(found) == 1
	})
	return window
}

// control is the control of a dialog with this text, whatever room is around it.
func control(window windows.HWND, name string) windows.HWND {
	for _, child := range children(window) {
		if strings.TrimSpace(textOf(child)) == name {
			return child
		}
	}
	return 0
}

// controlOfClass is the control of a dialog of this class, such as "EDIT".
func controlOfClass(window windows.HWND, class string) windows.HWND {
	for _, child := range children(window) {
		if strings.EqualFold(classOf(child), class) {
			return child
		}
	}
	return 0
}

func classOf(window windows.HWND) string {
	var name [64]uint16
	n, err := windows.GetClassName(window, &name[0], int32(len(name)))
	if err != nil {
		return ""
	}
	return windows.UTF16ToString(name[:n])
}

func isButtonEnabled(window windows.HWND, button string) bool {
	enabled, _, _ := isWindowEnabled.Call(uintptr(control(window, button)))
	return enabled != 0
}

// waitArmed waits for a dialog that has the keyboard and whose button is enabled. It looks anew each
// time: a dialog that does not fit on the screen is followed by one with less text.
func waitArmed(t *testing.T, button string) (window windows.HWND) {
	t.Helper()
	waitUntil(t, "a dialog has the keyboard and its button "+button+" is enabled", func() bool {
		found := dialogs()
		if len(found) != 1 {
			return false
		}
		window = found[0]
		return isButtonEnabled(window, button) && windows.GetForegroundWindow() == window
	})
	return window
}

// input is INPUT, for a key or the mouse.
type input struct {
	kind uint32
	_    uint32
	data [32]byte
}

func keyInput(code uint16, up bool) (i input) {
	const keyboard, keyUp = 1, 2
	i.kind = keyboard
	*(*uint16)(unsafe.Pointer(&i.data[0])) = code
	if up {
		*(*uint32)(unsafe.Pointer(&i.data[4])) = keyUp
	}
	return i
}

// mouseInput does what flags say at a pixel of the screen.
func mouseInput(x, y int32, flags uint32) (i input) {
	const width, height, moveAbsolute = 0, 1, 0x8001 // SM_CXSCREEN, SM_CYSCREEN; MOUSEEVENTF_ABSOLUTE and MOVE
	*(*int32)(unsafe.Pointer(&i.data[0])) = absolute(x, width)
	*(*int32)(unsafe.Pointer(&i.data[4])) = absolute(y, height)
	*(*uint32)(unsafe.Pointer(&i.data[12])) = flags | moveAbsolute
	return i
}

// absolute is a coordinate as INPUT has it, for which each side of the screen is 65536 long.
func absolute(pixel int32, side uintptr) int32 {
	pixels, _, _ := getSystemMetrics.Call(side)
	length := int32(pixels)
	return (pixel<<16 + length - 1) / length
}

func send(t *testing.T, inputs ...input) {
	t.Helper()
	n, _, err := sendInput.Call(uintptr(len(inputs)), uintptr(unsafe.Pointer(&inputs[0])), unsafe.Sizeof(inputs[0]))
	if int(n) != len(inputs) {
		t.Errorf("SendInput: %v", err)
	}
}

func press(t *testing.T, codes ...uint16) {
	t.Helper()
	for _, code := range codes {
		send(t, keyInput(code, false), keyInput(code, true))
	}
}

// click clicks the middle of a window. Each input has the place in it: if SetCursorPos moved the pointer
// before, an older move that arrives late could take it away again.
func click(t *testing.T, window windows.HWND) {
	t.Helper()
	const leftDown, leftUp = 2, 4
	at := rectOf(window)
	x, y := (at[0]+at[2])/2, (at[1]+at[3])/2
	send(t, mouseInput(x, y, leftDown), mouseInput(x, y, leftUp))
}

// rectOf is left, top, right, bottom.
func rectOf(window windows.HWND) (at [4]int32) {
	_, _, _ = getWindowRect.Call(uintptr(window), uintptr(unsafe.Pointer(&at[0])))
	return at
}

// promptPIDs lists the processes of dialogs.
func promptPIDs(t *testing.T) (pids []uint32) {
	t.Helper()
	snapshot, err := windows.CreateToolhelp32Snapshot(windows.TH32CS_SNAPPROCESS, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer windows.CloseHandle(snapshot)
	var entry windows.ProcessEntry32
	entry.Size = uint32(unsafe.Sizeof(entry))
	for err = windows.Process32First(snapshot, &entry); err == nil; err = windows.Process32Next(snapshot, &entry) {
		if strings.EqualFold(windows.UTF16ToString(entry.ExeFile[:]), filepath.Base(builtWindow)) {
			pids = append(pids, entry.ProcessID)
		}
	}
	return pids
}

func wantGone(t *testing.T) {
	t.Helper()
	waitUntil(t, "the dialog is gone", func() bool { return len(dialogs()) == 0 })
	waitUntil(t, "its process is gone", func() bool { return len(promptPIDs(t)) == 0 })
}

func killPrompts(t *testing.T) {
	t.Helper()
	for _, pid := range promptPIDs(t) {
		if process, err := os.FindProcess(int(pid)); err == nil {
			_ = process.Kill()
		}
	}
}

func TestConformance(t *testing.T) { confirmtest.Conformance(t, persons) }

// persons has a person for every way to ask on Windows.
var persons = map[string]func(t *testing.T) confirmtest.Person{
	"terminal": consolePerson,
	"window": func(t *testing.T) confirmtest.Person {
		clicks := func(button string) func(*testing.T, string) {
			return func(t *testing.T, _ string) { click(t, control(waitDialog(t), button)) }
		}
		return confirmtest.Person{
			Prompter: newTestWindow(t), Wait: func(t *testing.T) string { waitArmed(t, "Allow once"); return "" },
			Allow: clicks("Allow once"), AllowLong: clicks("Allow for 15 minutes"),
			Deny: func(t *testing.T, _ string) { press(t, vkReturn) },
			Kill: func(t *testing.T, _ string) { killPrompts(t) }, WantGone: wantGone,
		}
	},
}

// startWindow runs the window program without a Prompter and returns its connection.
func startWindow(t *testing.T, q question.Question) (platform.Conn, *exec.Cmd) {
	t.Helper()
	cmd := exec.Command(builtWindow, "prompt")
	ours, err := platform.StartChild(cmd)
	if err != nil {
		t.Fatal(err)
	}
	if err := q.Send(ours); err != nil {
		t.Fatal(err)
	}
	return ours, cmd
}
