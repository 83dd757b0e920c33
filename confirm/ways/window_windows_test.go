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
	"github.com/keybroker/keybroker/desktop/guard"
	"github.com/keybroker/keybroker/desktop/question"
)

// Each key or click gives the right answer.
func TestDialogAnswers(t *testing.T) {
	w := newTestWindow(t)
	for _, test := range []struct {
		name    string
		act     func(window windows.HWND)
		verdict confirm.Verdict
	}{
		{"Enter", func(windows.HWND) { press(t, vkReturn) }, confirm.Deny},
		{"Space", func(windows.HWND) { press(t, vkSpace) }, confirm.Deny},
		{"Esc", func(windows.HWND) { press(t, vkEscape) }, confirm.Deny},
		{"closed", func(window windows.HWND) { postMessage.Call(uintptr(window), wmClose, 0, 0) }, confirm.Deny},
		{"Deny clicked", func(window windows.HWND) { click(t, control(window, "Deny")) }, confirm.Deny},
		{"Deny for a while", func(window windows.HWND) { click(t, control(window, "Deny for 10 minutes")) }, confirm.DenyFor},
		{"keyboard only", func(windows.HWND) { press(t, vkTab, vkTab, vkTab, vkSpace) }, confirm.AllowOnce},
	} {
		t.Run(test.name, func(t *testing.T) {
			answer := confirmtest.Ask(t, w, confirmtest.Login(t))
			test.act(waitArmed(t, "Allow once"))
			if a := <-answer; a.Verdict != test.verdict {
				t.Errorf("%+v, want %s", a, test.verdict)
			}
			wantGone(t)
		})
	}
}

// Input in the first moment was meant for another window and does nothing. The test knows that its
// input was that early if there was no dialog yet guard.Delay before; a busy machine may need several tries.
func TestDialogEarly(t *testing.T) {
	for name, act := range map[string]func(window windows.HWND){
		"Space": func(windows.HWND) { press(t, vkSpace) },
		"Enter": func(windows.HWND) { press(t, vkReturn) },
		"click": func(window windows.HWND) { click(t, control(window, "Allow once")) },
		"forged": func(window windows.HWND) { // enabled and clicked by another program
			const enable, clicked = 0x0400 + 111, 0x0400 + 102
			for id := uintptr(101); id < 104; id++ {
				postMessage.Call(uintptr(window), enable, id, 1)
				postMessage.Call(uintptr(window), clicked, id, 0)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			const tries = 5
			for range tries {
				if actsEarly(t, act) {
					return
				}
			}
			t.Skip("this machine is too busy to act within guard.Delay; TestGuard does not depend on it")
		})
	}
}

// actsEarly reports whether act was early. If so, it was no answer.
func actsEarly(t *testing.T, act func(window windows.HWND)) bool {
	t.Helper()
	answer := confirmtest.Ask(t, newTestWindow(t), confirmtest.Login(t))
	var window windows.HWND
	absent := time.Now()
	waitUntil(t, "the dialog has the keyboard", func() bool {
		looked := time.Now()
		if found := dialogs(); len(found) == 1 {
			window = found[0]
		} else {
			absent = looked
		}
		return window != 0 && windows.GetForegroundWindow() == window
	})
	act(window)
	if time.Since(absent) >= guard.Delay {
		waitUntil(t, "the dialog is answered", func() bool {
			postMessage.Call(uintptr(window), wmClose, 0, 0)
			return len(answer) > 0
		})
		wantGone(t)
		return false
	}
	select {
	case a := <-answer:
		t.Fatalf("early input was an answer: %+v", a)
	case <-time.After(100 * time.Millisecond):
	}
	waitUntil(t, "the button allows", func() bool {
		click(t, control(window, "Allow once"))
		return len(answer) > 0
	})
	if a := <-answer; a.Verdict != confirm.AllowOnce {
		t.Errorf("%+v", a)
	}
	wantGone(t)
	return true
}

// A dialog that is covered or moved is disarmed, and armed again later.
func TestDialogDisarms(t *testing.T) {
	w := newTestWindow(t)
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
			window := waitArmed(t, "Allow once")
			undo := disturb(t, window)
			waitUntil(t, "the button is disabled", func() bool { return !isButtonEnabled(window, "Allow once") })
			undo()
			click(t, control(waitArmed(t, "Allow once"), "Allow once"))
			if a := <-answer; a.Verdict != confirm.AllowOnce {
				t.Errorf("%+v", a)
			}
			wantGone(t)
		})
	}
}

// cover covers a part of the dialog with a window.
func cover(t *testing.T, window windows.HWND) (undo func()) {
	t.Helper()
	runtime.LockOSThread() // a window belongs to its thread
	const topmostNoActivate, popup, showNoActivateNoMoveNoSize = 0x08000008, 0x80000000, 0x0053
	class, _ := windows.UTF16PtrFromString("STATIC")
	at := rectOf(window)
	over, _, err := createWindowEx.Call(topmostNoActivate, uintptr(unsafe.Pointer(class)), 0, popup,
		uintptr(at[0]+60), uintptr(at[1]+60), 200, 60, 0, 0, 0, 0)
	if over == 0 {
		t.Fatal(err)
	}
	setWindowPos.Call(over, ^uintptr(0), 0, 0, 0, 0, showNoActivateNoMoveNoSize)
	if windows.GetForegroundWindow() != window {
		t.Error("the dialog lost the keyboard, which disarms it too")
	}
	return func() {
		destroyWindow.Call(over)
		runtime.UnlockOSThread()
	}
}

// A dialog ends when nobody waits for it, when it times out, and when it does not fit.
func TestDialogEnds(t *testing.T) {
	t.Run("the broker is gone", func(t *testing.T) {
		ours, cmd := startWindow(t, question.Question{Kind: question.Confirm, Title: "?"})
		waitDialog(t)
		if err := ours.Close(); err != nil {
			t.Fatal(err)
		}
		_ = cmd.Wait()
		wantGone(t)
	})
	t.Run("timeout", func(t *testing.T) {
		ours, cmd := startWindow(t, question.Question{Kind: question.Confirm, Title: "?", Time: time.Second})
		defer ours.Close()
		if a, err := question.ReceiveAnswer(ours, question.Confirm); err != nil || a.Word != question.Closed {
			t.Errorf("%q, %v", a.Word, err)
		}
		_ = cmd.Wait()
		wantGone(t)
	})
	t.Run("too long", func(t *testing.T) {
		q := question.Question{Kind: question.Confirm, Title: "?", Rows: []question.Line{{Text: "seen"}}}
		ours, cmd := startWindow(t, q)
		waitArmed(t, "Allow once")
		press(t, vkReturn)
		if a, err := question.ReceiveAnswer(ours, question.Confirm); err != nil || a.Word != question.Deny {
			t.Errorf("a short question: %q, %v", a.Word, err)
		}
		_ = cmd.Wait()
		_ = ours.Close()
		for range 200 {
			q.Rows = append(q.Rows, question.Line{Text: "more"})
		}
		for _, kind := range []question.Kind{question.Confirm, question.Secret} {
			q.Kind = kind
			ours, cmd := startWindow(t, q)
			if a, err := question.ReceiveAnswer(ours, kind); err != nil || a.Word != question.TooLong {
				t.Errorf("%s: %q, %v", kind, a.Word, err)
			}
			_ = cmd.Wait()
			_ = ours.Close()
		}
		wantGone(t)
	})
}

func TestDialogSecret(t *testing.T) {
	w := newTestWindow(t)
	for _, test := range []struct {
		name string
		act  func(window windows.HWND)
		want string // "": closed
	}{
		{"typed", func(windows.HWND) { press(t, 'A', '1', vkSpace, 'B', vkReturn) }, "a1 b"},
		{"OK button", func(window windows.HWND) { press(t, 'C'); click(t, control(window, "OK")) }, "c"},
		{"nothing, then something", func(windows.HWND) { press(t, vkReturn, 'D', vkReturn) }, "d"},
		{"escaped", func(windows.HWND) { press(t, 'E', vkEscape) }, ""},
		{"cancelled", func(window windows.HWND) { press(t, 'F'); click(t, control(window, "Cancel")) }, ""},
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
			test.act(waitArmed(t, "OK"))
			switch r := <-done; {
			case test.want == "" && !errors.Is(r.err, confirm.ErrClosed):
				t.Errorf("%q, %v", r.secret, r.err)
			case test.want != "" && (string(r.secret) != test.want || r.err != nil):
				t.Errorf("%q, %v; want %q", r.secret, r.err, test.want)
			}
			wantGone(t)
		})
	}
}

// Another program cannot read the secret from its control.
func TestDialogSecretIsHidden(t *testing.T) {
	w := newTestWindow(t)
	done := make(chan error, 1)
	go func() {
		_, err := w.Secret(t.Context(), confirm.SecretQuestion{Title: "Unlock your keys", Prompt: "Passphrase:"})
		done <- err
	}()
	window := waitArmed(t, "OK")
	press(t, 'A', 'B', 'C')
	waitUntil(t, "the secret is typed", func() bool {
		const wmGetTextLength = 0x000e
		n, _, _ := sendMessage.Call(uintptr(controlOfClass(window, "EDIT")), wmGetTextLength, 0, 0)
		return n == 3
	})
	texts := allTexts(window)
	if !strings.Contains(texts, "Passphrase:") {
		t.Errorf("the test cannot read any control: %q", texts)
	}
	if strings.Contains(texts, "abc") {
		t.Errorf("another program reads %q", texts)
	}
	press(t, vkEscape)
	if err := <-done; !errors.Is(err, confirm.ErrClosed) {
		t.Error(err)
	}
	wantGone(t)
}

// allTexts is the text that another program can read from a window's controls.
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
	w := newTestWindow(t)
	notify := func(ctx context.Context) <-chan error {
		done := make(chan error, 1)
		go func() {
			done <- w.Notify(ctx, confirm.Notice{Title: "Touch YubiKey 1", Use: confirmtest.Login(t).Use, Why: "rule"})
		}()
		return done
	}
	ctx, cancel := context.WithCancel(t.Context())
	over := notify(ctx)
	waitDialog(t)
	cancel()
	if err := <-over; err != nil {
		t.Errorf("over: %v", err)
	}
	wantGone(t)
	refused := notify(t.Context())
	window := waitDialog(t)
	waitUntil(t, "the notice is refused", func() bool {
		click(t, control(window, "Refuse"))
		return len(refused) > 0
	})
	if err := <-refused; !errors.Is(err, confirm.ErrClosed) {
		t.Errorf("refused: %v", err)
	}
	wantGone(t)
}
