package ways

import (
	"context"
	"errors"
	"runtime"
	"strings"
	"testing"
	"time"
	"unsafe"

	"golang.org/x/sys/windows"

	"github.com/keybroker/keybroker/confirm"
	"github.com/keybroker/keybroker/confirm/confirmtest"
	"github.com/keybroker/keybroker/desktop/question"
)

// Each answer of a person, and what is none.
func TestDialogAnswers(t *testing.T) {
	w := newWindowHere(t)
	for _, test := range []struct {
		name    string
		act     func(window windows.HWND)
		verdict confirm.Verdict
	}{
		{"Enter", func(windows.HWND) { press(t, vkReturn) }, confirm.Deny},
		{"Space", func(windows.HWND) { press(t, vkSpace) }, confirm.Deny},
		{"Esc", func(windows.HWND) { press(t, vkEscape) }, confirm.Deny},
		{"closed", func(window windows.HWND) { postMessage.Call(uintptr(window), wmClose, 0, 0) }, confirm.Deny},
		{"Deny clicked", func(window windows.HWND) { click(t, part(window, "Deny")) }, confirm.Deny},
		{"Deny for a while", func(window windows.HWND) { click(t, part(window, "Deny for 10 minutes")) }, confirm.DenyFor},
		{"by the keyboard alone", func(windows.HWND) { press(t, vkTab, vkTab, vkTab, vkSpace) }, confirm.AllowOnce},
	} {
		t.Run(test.name, func(t *testing.T) {
			answer := confirmtest.Ask(t, w, confirmtest.Login(t))
			test.act(armed(t, "Allow once"))
			if a := <-answer; a.Verdict != test.verdict {
				t.Errorf("%+v, want %s", a, test.verdict)
			}
			leavesNothing(t)
		})
	}
}

// What comes in the first moment was meant for something else.
func TestDialogEarly(t *testing.T) {
	w := newWindowHere(t)
	for name, act := range map[string]func(window windows.HWND){
		"Space": func(windows.HWND) { press(t, vkSpace) },
		"Enter": func(windows.HWND) { press(t, vkReturn) },
		"click": func(window windows.HWND) { click(t, part(window, "Allow once")) },
		"forged": func(window windows.HWND) { // enabled and clicked by another program
			const enable, clicked = 0x0400 + 111, 0x0400 + 102
			for id := uintptr(101); id < 104; id++ {
				postMessage.Call(uintptr(window), enable, id, 1)
				postMessage.Call(uintptr(window), clicked, id, 0)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			answer := confirmtest.Ask(t, w, confirmtest.Login(t))
			window := dialogShown(t)
			until(t, "the dialog has the keyboard", func() bool { return windows.GetForegroundWindow() == window })
			act(window)
			select {
			case a := <-answer:
				t.Fatalf("it was an answer: %+v", a)
			case <-time.After(100 * time.Millisecond):
			}
			until(t, "it allows", func() bool {
				click(t, part(window, "Allow once"))
				return len(answer) > 0
			})
			if a := <-answer; a.Verdict != confirm.AllowOnce {
				t.Errorf("%+v", a)
			}
			leavesNothing(t)
		})
	}
}

// A dialog that is covered or moved sleeps, and wakes again.
func TestDialogDisarms(t *testing.T) {
	w := newWindowHere(t)
	for name, disturb := range map[string]func(t *testing.T, window windows.HWND) (undo func()){
		"covered": func(t *testing.T, window windows.HWND) func() { return cover(t, window) },
		"moved": func(_ *testing.T, window windows.HWND) func() {
			const noSizeNoOrder = 0x0001 | 0x0004
			setWindowPos.Call(uintptr(window), 0, 40, 40, 0, 0, noSizeNoOrder)
			return func() {}
		},
	} {
		t.Run(name, func(t *testing.T) {
			answer := confirmtest.Ask(t, w, confirmtest.Login(t))
			window := armed(t, "Allow once")
			undo := disturb(t, window)
			until(t, "the button sleeps", func() bool { return !awake(window, "Allow once") })
			undo()
			click(t, part(armed(t, "Allow once"), "Allow once"))
			if a := <-answer; a.Verdict != confirm.AllowOnce {
				t.Errorf("%+v", a)
			}
			leavesNothing(t)
		})
	}
}

// cover lays a window over a part of the dialog.
func cover(t *testing.T, window windows.HWND) (undo func()) {
	t.Helper()
	runtime.LockOSThread() // a window belongs to its thread
	const topmostNoActivate, popup, showNoActivateNoMoveNoSize = 0x08000008, 0x80000000, 0x0053
	class, _ := windows.UTF16PtrFromString("STATIC")
	at := placeOf(window)
	over, _, err := createWindowEx.Call(topmostNoActivate, uintptr(unsafe.Pointer(class)), 0, popup,
		uintptr(at[0]+60), uintptr(at[1]+60), 200, 60, 0, 0, 0, 0)
	if over == 0 {
		t.Fatal(err)
	}
	setWindowPos.Call(over, ^uintptr(0), 0, 0, 0, 0, showNoActivateNoMoveNoSize)
	if windows.GetForegroundWindow() != window {
		t.Error("the dialog lost the keyboard, which is another reason")
	}
	return func() {
		destroyWindow.Call(over)
		runtime.UnlockOSThread()
	}
}

// TestDialogEnds: nobody waits any more, and silence.
func TestDialogEnds(t *testing.T) {
	t.Run("the broker is gone", func(t *testing.T) {
		ours, cmd := started(t, question.Question{Kind: question.Confirm, Title: "?"})
		dialogShown(t)
		if err := ours.Close(); err != nil {
			t.Fatal(err)
		}
		_ = cmd.Wait()
		leavesNothing(t)
	})
	t.Run("silence", func(t *testing.T) {
		ours, cmd := started(t, question.Question{Kind: question.Confirm, Title: "?", Time: time.Second})
		defer ours.Close()
		if a, err := question.ReceiveAnswer(ours, question.Confirm); err != nil || a.Word != question.Closed {
			t.Errorf("%q, %v", a.Word, err)
		}
		_ = cmd.Wait()
		leavesNothing(t)
	})
	t.Run("too long", func(t *testing.T) {
		q := question.Question{Kind: question.Confirm, Title: "?", Rows: []question.Line{{Text: "seen"}}}
		ours, cmd := started(t, q)
		armed(t, "Allow once")
		press(t, vkReturn)
		if a, err := question.ReceiveAnswer(ours, question.Confirm); err != nil || a.Word != question.Deny {
			t.Errorf("a short one: %q, %v", a.Word, err)
		}
		_ = cmd.Wait()
		_ = ours.Close()
		for range 200 {
			q.Rows = append(q.Rows, question.Line{Text: "more"})
		}
		for _, kind := range []question.Kind{question.Confirm, question.Secret} {
			q.Kind = kind
			ours, cmd := started(t, q)
			if a, err := question.ReceiveAnswer(ours, kind); err != nil || a.Word != question.TooLong {
				t.Errorf("%s: %q, %v", kind, a.Word, err)
			}
			_ = cmd.Wait()
			_ = ours.Close()
		}
		leavesNothing(t)
	})
}

func TestDialogSecret(t *testing.T) {
	w := newWindowHere(t)
	for _, test := range []struct {
		name string
		act  func(window windows.HWND)
		want string // "": closed
	}{
		{"typed", func(windows.HWND) { press(t, 'A', '1', vkSpace, 'B', vkReturn) }, "a1 b"},
		{"by the button", func(window windows.HWND) { press(t, 'C'); click(t, part(window, "OK")) }, "c"},
		{"nothing, then something", func(windows.HWND) { press(t, vkReturn, 'D', vkReturn) }, "d"},
		{"escaped", func(windows.HWND) { press(t, 'E', vkEscape) }, ""},
		{"cancelled", func(window windows.HWND) { press(t, 'F'); click(t, part(window, "Cancel")) }, ""},
		{"closed", func(window windows.HWND) { press(t, 'G'); postMessage.Call(uintptr(window), wmClose, 0, 0) }, ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), 4*confirmtest.Patience)
			defer cancel()
			type result struct {
				secret []byte
				err    error
			}
			done := make(chan result, 1)
			go func() {
				secret, err := w.Secret(ctx, confirm.SecretQuestion{Title: "Unlock your keys", Prompt: "Passphrase:", Use: confirmtest.Login(t).Use, Facts: true})
				done <- result{secret, err}
			}()
			test.act(armed(t, "OK"))
			switch r := <-done; {
			case test.want == "" && !errors.Is(r.err, confirm.ErrClosed):
				t.Errorf("%q, %v", r.secret, r.err)
			case test.want != "" && (string(r.secret) != test.want || r.err != nil):
				t.Errorf("%q, %v; want %q", r.secret, r.err, test.want)
			}
			leavesNothing(t)
		})
	}
}

// A secret is not to be read off its control, and not to be had with another key.
func TestDialogSecretIsHidden(t *testing.T) {
	w := newWindowHere(t)
	done := make(chan error, 1)
	go func() {
		_, err := w.Secret(t.Context(), confirm.SecretQuestion{Title: "Unlock your keys", Prompt: "Passphrase:"})
		done <- err
	}()
	window := armed(t, "OK")
	press(t, 'A', 'B', 'C')
	until(t, "it is typed", func() bool {
		const wmGetTextLength = 0x000e
		n, _, _ := sendMessage.Call(uintptr(ofClass(window, "EDIT")), wmGetTextLength, 0, 0)
		return n == 3
	})
	texts := allTexts(window)
	if !strings.Contains(texts, "Passphrase:") {
		t.Errorf("this test reads nothing: %q", texts)
	}
	if strings.Contains(texts, "abc") {
		t.Errorf("another program reads %q", texts)
	}
	press(t, vkEscape)
	if err := <-done; !errors.Is(err, confirm.ErrClosed) {
		t.Error(err)
	}
	leavesNothing(t)
}

// allTexts is what another program reads off a window's controls.
func allTexts(window windows.HWND) string {
	var texts []string
	for _, child := range children(window) {
		const wmGetText = 0x000d
		var chars [512]uint16
		sendMessage.Call(uintptr(child), wmGetText, uintptr(len(chars)), uintptr(unsafe.Pointer(&chars[0])))
		texts = append(texts, windows.UTF16ToString(chars[:]))
	}
	return strings.Join(texts, "\n")
}

func TestDialogNotice(t *testing.T) {
	w := newWindowHere(t)
	notify := func(ctx context.Context) <-chan error {
		done := make(chan error, 1)
		go func() {
			done <- w.Notify(ctx, confirm.Notice{Title: "Touch YubiKey 1", Use: confirmtest.Login(t).Use, Why: "rule"})
		}()
		return done
	}
	ctx, cancel := context.WithCancel(t.Context())
	over := notify(ctx)
	dialogShown(t)
	cancel()
	if err := <-over; err != nil {
		t.Errorf("over: %v", err)
	}
	leavesNothing(t)
	refused := notify(t.Context())
	window := dialogShown(t)
	until(t, "it is refused", func() bool {
		click(t, part(window, "Refuse"))
		return len(refused) > 0
	})
	if err := <-refused; !errors.Is(err, confirm.ErrClosed) {
		t.Errorf("refused: %v", err)
	}
	leavesNothing(t)
}
