//go:build linux

package waylandtest

import (
	"image"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// hands are a mouse and a keyboard of the compositor's own
// (wlr-virtual-pointer-unstable-v1, virtual-keyboard-unstable-v1): it cannot
// tell them from real ones, and decides itself which window hears of them.
type hands struct {
	*wire
	pointer, keyboard uint32
	clock             uint32 // in milliseconds, as every event has it
}

// Click presses and releases the left button at a place of the screen.
func (s *Sway) Click(t testing.TB, at image.Point) {
	t.Helper()
	if err := s.hands.click(at); err != nil {
		t.Errorf("click: %v", err)
	}
}

// Keys presses keys, one after the other: "Return", "a", "alt+a", "shift+Tab".
func (s *Sway) Keys(t testing.TB, keys ...string) {
	t.Helper()
	for _, key := range keys {
		modifier, rest, both := strings.Cut(key, "+")
		if !both {
			modifier, rest = "", key
		}
		if err := s.hands.press(modifier, rest); err != nil {
			t.Errorf("key %s: %v", key, err)
		}
	}
}

// keymap is the one of every PC; the compositor has the files.
const keymap = `xkb_keymap {
xkb_keycodes { include "evdev+aliases(qwerty)" };
xkb_types { include "complete" };
xkb_compat { include "complete" };
xkb_symbols { include "pc+us+inet(evdev)" };
};` + "\x00"

func (s *Sway) newHands() (*hands, error) {
	address := s.Env("WAYLAND_DISPLAY")
	conn, err := net.DialUnix("unix", nil, &net.UnixAddr{Name: filepath.Join(s.dir, address), Net: "unix"})
	if err != nil {
		return nil, err
	}
	h := &hands{wire: &wire{UnixConn: conn, last: display}}
	if err := h.open(); err != nil {
		conn.Close()
		return nil, err
	}
	return h, nil
}

func (h *hands) open() error {
	objects, err := h.bind("wl_seat", "zwlr_virtual_pointer_manager_v1", "zwp_virtual_keyboard_manager_v1")
	if err != nil {
		return err
	}
	seat, pointers, keyboards := objects[0], objects[1], objects[2]
	const create = 0
	h.pointer = h.object()
	if err := h.send(pointers, create, seat, h.pointer); err != nil {
		return err
	}
	h.keyboard = h.object()
	if err := h.send(keyboards, create, seat, h.keyboard); err != nil {
		return err
	}
	file, err := os.CreateTemp("", "keymap-")
	if err != nil {
		return err
	}
	defer file.Close()
	os.Remove(file.Name())
	if _, err := file.WriteString(keymap); err != nil {
		return err
	}
	const setKeymap, xkbV1 = 0, 1
	if err := h.sendFile(file, h.keyboard, setKeymap, xkbV1, uint32(len(keymap))); err != nil {
		return err
	}
	return h.sync()
}

// click moves there first, as a hand does.
func (h *hands) click(at image.Point) error {
	const motionAbsolute, button, frame = 1, 2, 4
	const left, released, pressed = 0x110, 0, 1 // of input-event-codes.h
	for _, event := range [][]uint32{
		{motionAbsolute, 0, uint32(at.X), uint32(at.Y), Wide, High}, {frame},
		{button, 0, left, pressed}, {frame},
		{button, 0, left, released}, {frame},
	} {
		if len(event) > 1 {
			event[1] = h.now()
		}
		if err := h.send(h.pointer, event[0], event[1:]...); err != nil {
			return err
		}
	}
	return h.sync()
}

// now moves on with each event, so that no two of them are at one time.
func (h *hands) now() uint32 {
	h.clock = max(h.clock+1, uint32(time.Now().UnixMilli()))
	return h.clock
}

// codes are of input-event-codes.h.
var codes = map[string]uint32{"Escape": 1, "Tab": 15, "Return": 28, "space": 57, "Down": 108,
	"a": 30, "d": 32, "f": 33, "s": 31, "x": 45, "y": 21, "1": 2, "2": 3,
	"alt": 56, "shift": 42, "ctrl": 29}

// masks are the real modifiers of X and of the keymap above.
var masks = map[string]uint32{"shift": 1, "ctrl": 4, "alt": 8}

// press holds the modifier meanwhile, if there is one.
func (h *hands) press(modifier, key string) error {
	const keyEvent, modifiers, released, pressed = 1, 2, 0, 1
	type event struct{ key, state, mask uint32 }
	list := []event{{codes[key], pressed, masks[modifier]}, {codes[key], released, masks[modifier]}}
	if modifier != "" {
		list = append([]event{{codes[modifier], pressed, masks[modifier]}}, append(list, event{codes[modifier], released, 0})...)
	}
	for _, e := range list {
		if err := h.send(h.keyboard, keyEvent, h.now(), e.key, e.state); err != nil {
			return err
		}
		if err := h.send(h.keyboard, modifiers, e.mask, 0, 0, 0); err != nil {
			return err
		}
	}
	return h.sync()
}
