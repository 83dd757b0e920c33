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

// typed asks for a secret and lets the person act on the window.
func (d *desktop) typed(t *testing.T, w *window, act func(id string)) (string, error) {
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
	id := d.window(t)
	d.whenArmed(t, id)
	act(id)
	r := <-done
	d.leavesNothing(t, w)
	return string(r.secret), r.err
}

func TestWindowSecret(t *testing.T) {
	t.Parallel()
	d := newDesktop(t)
	d.manage(t, "off")
	w := newWindowOn(t, d)
	for _, test := range []struct {
		name string
		act  func(id string)
		want string // "": closed
	}{
		{"typed", func(string) {
			d.do(t, "type", "--delay", "20", `50%+x Ab\`)
			d.remap(t, 0xe9, 0x6d6) // the window hears of it: eacute and Cyrillic_zhe
			d.do(t, "key", "--delay", "20", "eacute", "Cyrillic_zhe", "Return")
		}, `50%+x Ab\éж`},
		{"by the button", func(id string) { d.do(t, "type", "--delay", "20", "abc"); d.clickOnce(t, id) }, "abc"},
		{"keypad", func(string) { d.do(t, "key", "Num_Lock", "KP_1", "KP_2", "Num_Lock", "3", "KP_Enter") }, "123"},
		{"corrected", func(string) {
			d.do(t, "key", "--delay", "20", "a", "b", "BackSpace", "Tab", "Left", "ctrl+b", "c", "Return")
		}, "ac"},
		{"begun again", func(string) { d.do(t, "key", "a", "b", "ctrl+u", "c", "Return") }, "c"},
		{"a key that is not known", func(string) { d.do(t, "key", "a", "dead_acute", "b", "Return") }, "b"},
		{"nothing", func(id string) {
			d.do(t, "key", "Return")
			d.clickOnce(t, id)
			d.do(t, "key", "a", "BackSpace", "Return", "x", "Return") // the first Enter did nothing
		}, "x"},
		{"escaped", func(string) { d.do(t, "key", "a", "Escape") }, ""},
		{"closed", func(id string) { d.do(t, "key", "a"); d.closeWindow(t, id) }, ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			secret, err := d.typed(t, w, test.act)
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
func TestWindowSecretHasTheKeyboardAlone(t *testing.T) {
	t.Parallel()
	d := newDesktop(t)
	d.manage(t, "off")
	w := newWindowOn(t, d)
	other := d.client(t)
	root := xproto.Setup(other).DefaultScreen(other).Root
	free := func() bool {
		reply, err := xproto.GrabKeyboard(other, false, root, xproto.TimeCurrentTime, xproto.GrabModeAsync, xproto.GrabModeAsync).Reply()
		xproto.UngrabKeyboard(other, xproto.TimeCurrentTime)
		return err == nil && reply.Status == xproto.GrabStatusSuccess
	}
	if !free() {
		t.Fatal("the keyboard is not free before")
	}
	_, err := d.typed(t, w, func(string) {
		d.until(t, "the keyboard is grabbed", func() bool { return !free() })
		d.do(t, "key", "Escape")
	})
	if !errors.Is(err, confirm.ErrClosed) {
		t.Error(err)
	}
	d.until(t, "the keyboard is free again", free)
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
	id := d.window(t)
	d.do(t, "key", "Return", "space", "alt+a")
	_, height := d.size(t, id)
	cancel()
	if err := <-over; err != nil {
		t.Errorf("over: %v", err)
	}
	d.leavesNothing(t, w)
	refused := notify(t.Context())
	id = d.window(t)
	d.do(t, "mousemove", "--window", id, "60", fmt.Sprint(height-buttonAbove), "click", "1")
	if err := <-refused; !errors.Is(err, confirm.ErrClosed) {
		t.Errorf("refused: %v", err)
	}
	d.leavesNothing(t, w)
}
