//go:build linux

package ways

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/jezek/xgb/xproto"

	"github.com/keybroker/keybroker/confirm"
	"github.com/keybroker/keybroker/confirm/confirmtest"
)

// askSecret asks for a secret, acts on the window and returns the result.
func (d *desktop) askSecret(t *testing.T, w *window, act func(id string)) (string, error) {
	t.Helper()
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
	id := d.focusPrompt(t)
	d.waitArmed(t, id)
	act(id)
	r := <-done
	d.wantNoProcess(t, w)
	return string(r.secret), r.err
}

func TestWindowSecret(t *testing.T) {
	t.Parallel()
	d := newDesktop(t)
	d.startWindowManager(t, "off")
	w := newWindowOn(t, d)
	for _, test := range []struct {
		name string
		act  func(id string)
		want string // "": closed
	}{
		{"typed", func(string) {
			d.xdotool(t, "type", "--delay", "20", `50%+x Ab\`)
			d.remap(t, 0xe9, 0x6d6) // eacute and Cyrillic_zhe; the window gets a MappingNotify
			d.xdotool(t, "key", "--delay", "20", "eacute", "Cyrillic_zhe", "Return")
		}, `50%+x Ab\éж`},
		{"OK button", func(id string) { d.xdotool(t, "type", "--delay", "20", "abc"); d.clickAllowOnce(t, id) }, "abc"},
		{"keypad", func(string) { d.xdotool(t, "key", "Num_Lock", "KP_1", "KP_2", "Num_Lock", "3", "KP_Enter") }, "123"},
		{"corrected", func(string) {
			d.xdotool(t, "key", "--delay", "20", "a", "b", "BackSpace", "Tab", "Left", "ctrl+b", "c", "Return")
		}, "ac"},
		{"typed again", func(string) { d.xdotool(t, "key", "a", "b", "ctrl+u", "c", "Return") }, "c"},
		{"an unknown key", func(string) { d.xdotool(t, "key", "a", "dead_acute", "b", "Return") }, "b"},
		{"nothing", func(id string) {
			d.xdotool(t, "key", "Return")
			d.clickAllowOnce(t, id)
			d.xdotool(t, "key", "a", "BackSpace", "Return", "x", "Return") // the first Enter did nothing
		}, "x"},
		{"escaped", func(string) { d.xdotool(t, "key", "a", "Escape") }, ""},
		{"closed", func(id string) { d.xdotool(t, "key", "a"); d.closeWindow(t, id) }, ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			secret, err := d.askSecret(t, w, test.act)
			switch {
			case test.want == "" && !errors.Is(err, confirm.ErrClosed):
				t.Errorf("%q, %v", secret, err)
			case test.want != "" && (secret != test.want || err != nil):
				t.Errorf("%q, %v; want %q", secret, err, test.want)
			}
		})
	}
}

// While a secret is typed, no other program gets the keyboard.
func TestWindowSecretGrabsTheKeyboard(t *testing.T) {
	t.Parallel()
	d := newDesktop(t)
	d.startWindowManager(t, "off")
	w := newWindowOn(t, d)
	other := d.client(t)
	root := xproto.Setup(other).DefaultScreen(other).Root
	isFree := func() bool {
		reply, err := xproto.GrabKeyboard(other, false, root, xproto.TimeCurrentTime, xproto.GrabModeAsync, xproto.GrabModeAsync).Reply()
		xproto.UngrabKeyboard(other, xproto.TimeCurrentTime)
		return err == nil && reply.Status == xproto.GrabStatusSuccess
	}
	if !isFree() {
		t.Fatal("the keyboard is grabbed before the test")
	}
	_, err := d.askSecret(t, w, func(string) {
		d.waitUntil(t, "the keyboard is grabbed", func() bool { return !isFree() })
		d.xdotool(t, "key", "Escape")
	})
	if !errors.Is(err, confirm.ErrClosed) {
		t.Error(err)
	}
	d.waitUntil(t, "the keyboard is free again", isFree)
}

func TestWindowNotice(t *testing.T) {
	t.Parallel()
	d := newDesktop(t)
	w := newWindowOn(t, d)
	notify := func(ctx context.Context) <-chan error {
		done := make(chan error, 1)
		go func() {
			done <- w.Notify(ctx, confirm.Notice{Title: "Touch YubiKey 1", Use: confirmtest.Login(t).Use, Why: "rule"})
		}()
		return done
	}
	ctx, cancel := context.WithCancel(t.Context())
	over := notify(ctx)
	id := d.focusPrompt(t)
	d.xdotool(t, "key", "Return", "space", "alt+a")
	_, height := d.size(t, id)
	cancel()
	if err := <-over; err != nil {
		t.Errorf("over: %v", err)
	}
	d.wantNoProcess(t, w)
	refused := notify(t.Context())
	id = d.focusPrompt(t)
	d.xdotool(t, "mousemove", "--window", id, "60", fmt.Sprint(height-buttonAbove), "click", "1")
	if err := <-refused; !errors.Is(err, confirm.ErrClosed) {
		t.Errorf("refused: %v", err)
	}
	d.wantNoProcess(t, w)
}
