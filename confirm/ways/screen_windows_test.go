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

// The tests act on the dialogs as a person's hand does, by SendInput. They run
// on Windows, and in wine (make windows).
var (
	user32          = windows.NewLazySystemDLL("user32.dll")
	createWindowEx  = user32.NewProc("CreateWindowExW")
	destroyWindow   = user32.NewProc("DestroyWindow")
	getWindowText   = user32.NewProc("GetWindowTextW")
	getWindowRect   = user32.NewProc("GetWindowRect")
	isWindowEnabled = user32.NewProc("IsWindowEnabled")
	postMessage     = user32.NewProc("PostMessageW")
	sendInput       = user32.NewProc("SendInput")
	sendMessage     = user32.NewProc("SendMessageW")
	setCursorPos    = user32.NewProc("SetCursorPos")
	setWindowPos    = user32.NewProc("SetWindowPos")
)

// Keys and messages of winuser.h.
const (
	vkTab    = 0x09
	vkReturn = 0x0d
	vkEscape = 0x1b
	vkSpace  = 0x20

	wmClose = 0x0010
)

// builtWindow is where TestMain has put the window's program, or found it.
var builtWindow string

// TestMain builds the window's program, if KEYBROKER_DESKTOP does not name it:
// wine has no go command.
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
	if out, err := exec.Command("go", "build", "-o", builtWindow, "../../cmd/keybroker-desktop").CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "%v\n%s", err, out)
	} else {
		code = m.Run()
	}
	_ = os.RemoveAll(dir)
	os.Exit(code)
}

func newWindowHere(t *testing.T) *window {
	t.Helper()
	w, err := newWindow(builtWindow, os.Getenv)
	if err != nil {
		t.Fatal(err)
	}
	return w
}

// until waits for a condition.
func until(t *testing.T, what string, holds func() bool) {
	t.Helper()
	for end := time.Now().Add(confirmtest.Patience); !holds(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			t.Errorf("it never came to be: %s", what)
			return
		}
	}
}

func textOf(window windows.HWND) string {
	var chars [512]uint16
	n, _, _ := getWindowText.Call(uintptr(window), uintptr(unsafe.Pointer(&chars[0])), uintptr(len(chars)))
	return windows.UTF16ToString(chars[:n])
}

// collect is WNDENUMPROC. There can be few of these in a process, and none is
// given back; a place on a goroutine's stack would move while it runs.
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

// dialogs are the prompts on the screen.
func dialogs() []windows.HWND {
	collected = nil
	_ = windows.EnumWindows(collect, nil)
	return slices.DeleteFunc(collected, func(window windows.HWND) bool {
		return !windows.IsWindowVisible(window) || textOf(window) != "keybroker"
	})
}

// dialogShown waits for one prompt.
func dialogShown(t *testing.T) (window windows.HWND) {
	t.Helper()
	until(t, "a dialog is shown", func() bool {
		found := dialogs()
		if len(found) == 1 {
			window = found[0]
		}
		return len(found) == 1
	})
	return window
}

// part is the control of a dialog with that text.
func part(window windows.HWND, name string) windows.HWND {
	for _, child := range children(window) {
		if textOf(child) == name {
			return child
		}
	}
	return 0
}

// ofClass is the control of a dialog of that class, "EDIT".
func ofClass(window windows.HWND, class string) windows.HWND {
	for _, child := range children(window) {
		var name [64]uint16
		if n, err := windows.GetClassName(child, &name[0], int32(len(name))); err == nil && strings.EqualFold(windows.UTF16ToString(name[:n]), class) {
			return child
		}
	}
	return 0
}

func awake(window windows.HWND, button string) bool {
	enabled, _, _ := isWindowEnabled.Call(uintptr(part(window, button)))
	return enabled != 0
}

// armed waits until a dialog is shown whose buttons allow, and which has the keyboard.
func armed(t *testing.T, button string) windows.HWND {
	t.Helper()
	window := dialogShown(t)
	until(t, "the button "+button+" is awake", func() bool { return awake(window, button) })
	until(t, "the dialog has the keyboard", func() bool { return windows.GetForegroundWindow() == window })
	return window
}

// input is INPUT: of a key, or of the mouse.
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

func mouseInput(flags uint32) (i input) {
	*(*uint32)(unsafe.Pointer(&i.data[12])) = flags
	return i
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

func click(t *testing.T, window windows.HWND) {
	t.Helper()
	const leftDown, leftUp = 2, 4
	at := placeOf(window)
	_, _, _ = setCursorPos.Call(uintptr((at[0]+at[2])/2), uintptr((at[1]+at[3])/2))
	send(t, mouseInput(leftDown), mouseInput(leftUp))
}

// placeOf is left, top, right, bottom.
func placeOf(window windows.HWND) (at [4]int32) {
	_, _, _ = getWindowRect.Call(uintptr(window), uintptr(unsafe.Pointer(&at[0])))
	return at
}

// prompts are the processes of dialogs.
func prompts(t *testing.T) (pids []uint32) {
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

func leavesNothing(t *testing.T) {
	t.Helper()
	until(t, "the dialog is gone", func() bool { return len(dialogs()) == 0 })
	until(t, "its process is gone", func() bool { return len(prompts(t)) == 0 })
}

func killPrompts(t *testing.T) {
	t.Helper()
	for _, pid := range prompts(t) {
		if process, err := os.FindProcess(int(pid)); err == nil {
			_ = process.Kill()
		}
	}
}

func TestConformance(t *testing.T) { confirmtest.Conformance(t, persons) }

// persons are the ways to ask that Windows has.
var persons = map[string]func(t *testing.T) confirmtest.Person{
	"terminal": consolePerson,
	"window": func(t *testing.T) confirmtest.Person {
		on := func(button string) func(*testing.T, string) {
			return func(t *testing.T, _ string) { click(t, part(dialogShown(t), button)) }
		}
		return confirmtest.Person{
			Prompter: newWindowHere(t), Wait: func(t *testing.T) string { armed(t, "Allow once"); return "" },
			Allow: on("Allow once"), AllowLong: on("Allow for 15 minutes"),
			Deny: func(t *testing.T, _ string) { press(t, vkReturn) },
			Kill: func(t *testing.T, _ string) { killPrompts(t) }, WantGone: leavesNothing,
		}
	},
}

// started runs the window's program without a Prompter, and returns what asks it.
func started(t *testing.T, q question.Question) (platform.Conn, *exec.Cmd) {
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
