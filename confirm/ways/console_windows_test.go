package ways

import (
	"os"
	"strings"
	"testing"
	"unicode/utf16"
	"unsafe"

	"golang.org/x/sys/windows"

	"github.com/keybroker/keybroker/confirm"
	"github.com/keybroker/keybroker/confirm/confirmtest"
)

var (
	kernel32           = windows.NewLazySystemDLL("kernel32.dll")
	allocConsole       = kernel32.NewProc("AllocConsole")
	freeConsole        = kernel32.NewProc("FreeConsole")
	getConsoleWindow   = kernel32.NewProc("GetConsoleWindow")
	readConsoleOutput  = kernel32.NewProc("ReadConsoleOutputCharacterW")
	writeConsoleInput  = kernel32.NewProc("WriteConsoleInputW")
	fillConsoleOutput  = kernel32.NewProc("FillConsoleOutputCharacterW")
	setConsolePosition = kernel32.NewProc("SetConsoleCursorPosition")
	showWindow         = user32.NewProc("ShowWindow")
)

// screenSize is how many characters of the console are read.
const screenSize = 80 * 200

// newConsole gives the test a new, hidden console.
func newConsole(t *testing.T) *Terminal {
	t.Helper()
	_, _, _ = freeConsole.Call()
	if ok, _, err := allocConsole.Call(); ok == 0 {
		t.Fatal("AllocConsole: ", err)
	}
	window, _, _ := getConsoleWindow.Call()
	_, _, _ = showWindow.Call(window, 0)
	file, err := os.OpenFile("CONIN$", os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	console, err := NewTerminal(file)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = file.Close()
		_ = console.tty.Close()
		_, _, _ = freeConsole.Call()
	})
	return console
}

// onScreen is the text of the console without line breaks.
func (t *Terminal) onScreen() string {
	var chars [screenSize]uint16
	var n uint32
	_, _, _ = readConsoleOutput.Call(uintptr(t.tty.out), uintptr(unsafe.Pointer(&chars[0])), screenSize, 0, uintptr(unsafe.Pointer(&n)))
	return string(utf16.Decode(chars[:n]))
}

func (t *Terminal) clearScreen() {
	var n uint32
	_, _, _ = fillConsoleOutput.Call(uintptr(t.tty.out), ' ', screenSize, 0, uintptr(unsafe.Pointer(&n)))
	_, _, _ = setConsolePosition.Call(uintptr(t.tty.out), 0)
}

// typeKeys sends keys to the console, like a keyboard.
func (t *Terminal) typeKeys(text string) {
	for _, char := range utf16.Encode([]rune(text)) {
		for _, down := range []int32{1, 0} {
			event := keyEvent{kind: 1, down: down, repeat: 1, letter: char}
			var n uint32
			_, _, _ = writeConsoleInput.Call(uintptr(t.tty.in), uintptr(unsafe.Pointer(&event)), 1, uintptr(unsafe.Pointer(&n)))
		}
	}
}

func (t *Terminal) mode() (mode uint32) {
	_ = windows.GetConsoleMode(t.tty.in, &mode)
	return mode
}

func consolePerson(t *testing.T) confirmtest.Person {
	console := newConsole(t)
	before := console.mode()
	typed := func(keys string) func(*testing.T, string) {
		return func(*testing.T, string) { console.typeKeys(keys) }
	}
	return confirmtest.Person{
		Prompter: console,
		Wait: func(t *testing.T) string {
			waitUntil(t, "the question is shown", func() bool { return strings.Contains(console.onScreen(), "[N]o") })
			return ""
		},
		Allow: typed("y\r"), AllowLong: typed("m\r"), Deny: typed("\r"),
		WantGone: func(t *testing.T) {
			if console.mode() != before {
				t.Error("the console was not restored after the question")
			}
			console.clearScreen()
		},
	}
}

func TestConsoleSecret(t *testing.T) {
	console := newConsole(t)
	for _, test := range []struct{ typed, secret, err string }{
		{"pass w\u00f6rd%\U0001f511\r", "pass w\u00f6rd%\U0001f511", ""},
		{"ab\bc\u00e9\b\r", "ac", ""},
		{"\r", "", ""},
		{"abc\x03", "", "the prompt was closed"},
		{"\x1a", "", "the prompt was closed"},
		{strings.Repeat("x", maxSecret+1) + "\r", "", "too long"},
	} {
		console.clearScreen()
		go func() {
			waitUntil(t, "the passphrase is asked for", func() bool { return strings.Contains(console.onScreen(), "Passphrase:") })
			console.typeKeys(test.typed)
		}()
		secret, err := console.Secret(t.Context(), confirm.SecretQuestion{Title: "Unlock", Prompt: "Passphrase:"})
		if string(secret) != test.secret || test.err == "" && err != nil || test.err != "" && (err == nil || !strings.Contains(err.Error(), test.err)) {
			t.Errorf("%.20q: secret %.20q, %v", test.typed, secret, err)
		}
		if strings.Contains(console.onScreen(), "pass w") {
			t.Error("the secret is shown")
		}
	}
}

// Keys typed before the question do not answer it.
func TestConsoleTypeAhead(t *testing.T) {
	console := newConsole(t)
	console.typeKeys("y\r")
	answer := confirmtest.Ask(t, console, confirmtest.Login(t))
	waitUntil(t, "the question is shown", func() bool { return strings.Contains(console.onScreen(), "[N]o") })
	console.typeKeys("n\r")
	if a := <-answer; a.Verdict != confirm.Deny {
		t.Errorf("%+v", a)
	}
}
