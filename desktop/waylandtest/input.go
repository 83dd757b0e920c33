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

// input is a virtual mouse and keyboard of the compositor
// (wlr-virtual-pointer-unstable-v1, virtual-keyboard-unstable-v1). The compositor treats
// them like real ones and chooses the window that gets their events.
type input struct {
	*wire
	pointer, keyboard uint32
	clock             uint32 // time of the last event, in milliseconds
}

// Click clicks the left button at a point of the screen.
func (s *Sway) Click(t testing.TB, at image.Point) {
	t.Helper()
	if err := s.input.click(at); err != nil {
		t.Errorf("click: %v", err)
	}
}

// Keys presses keys in order: "Return", "a", "alt+a", "shift+Tab".
func (s *Sway) Keys(t testing.TB, keys ...string) {
	t.Helper()
	for _, key := range keys {
		modifier, plain, found := strings.Cut(key, "+")
		if !found {
			modifier, plain = "", key
		}
		if err := s.input.press(modifier, plain); err != nil {
			t.Errorf("key %s: %v", key, err)
		}
	}
}

// keymap is a standard PC keymap; the compositor has the included files.
const keymap = `xkb_keymap {
xkb_keycodes { include "evdev+aliases(qwerty)" };
xkb_types { include "complete" };
xkb_compat { include "complete" };
xkb_symbols { include "pc+us+inet(evdev)" };
};` + "\x00"

func (s *Sway) newInput() (*input, error) {
	address := s.Env("WAYLAND_DISPLAY")
	conn, err := net.DialUnix("unix", nil, &net.UnixAddr{Name: filepath.Join(s.dir, address), Net: "unix"})
	if err != nil {
		return nil, err
	}
	in := &input{wire: &wire{UnixConn: conn, last: display}}
	if err := in.open(); err != nil {
		conn.Close()
		return nil, err
	}
	return in, nil
}

func (in *input) open() error {
	objects, err := in.bind("wl_seat", "zwlr_virtual_pointer_manager_v1", "zwp_virtual_keyboard_manager_v1")
	if err != nil {
		return err
	}
	seat, pointers, keyboards := objects[0], objects[1], objects[2]
	const create = 0
	in.pointer = in.newObject()
	if err := in.send(pointers, create, seat, in.pointer); err != nil {
		return err
	}
	in.keyboard = in.newObject()
	if err := in.send(keyboards, create, seat, in.keyboard); err != nil {
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
	if err := in.sendFile(file, in.keyboard, setKeymap, xkbV1, uint32(len(keymap))); err != nil {
		return err
	}
	return in.sync()
}

// click moves the mouse to a point and clicks.
func (in *input) click(at image.Point) error {
	const motionAbsolute, button, frame = 1, 2, 4
	const left, released, pressed = 0x110, 0, 1 // input-event-codes.h
	for _, event := range [][]uint32{
		{motionAbsolute, 0, uint32(at.X), uint32(at.Y), Width, Height}, {frame},
		{button, 0, left, pressed}, {frame},
		{button, 0, left, released}, {frame},
	} {
		if len(event) > 1 {
			event[1] = in.nextTime()
		}
		if err := in.send(in.pointer, event[0], event[1:]...); err != nil {
			return err
		}
	}
	return in.sync()
}

// nextTime is later for each event.
func (in *input) nextTime() uint32 {
	in.clock = max(in.clock+1, uint32(time.Now().UnixMilli()))
	return in.clock
}

// codes are key codes of input-event-codes.h.
var codes = map[string]uint32{"Escape": 1, "Tab": 15, "Return": 28, "space": 57, "Down": 108,
	"a": 30, "d": 32, "f": 33, "s": 31, "x": 45, "y": 21, "1": 2, "2": 3,
	"alt": 56, "shift": 42, "ctrl": 29}

// masks are the real modifiers of X11 and of the keymap above.
var masks = map[string]uint32{"shift": 1, "ctrl": 4, "alt": 8}

// press presses a key while it holds modifier, if that is not "".
func (in *input) press(modifier, key string) error {
	const keyEvent, modifiers, released, pressed = 1, 2, 0, 1
	type event struct{ key, state, mask uint32 }
	list := []event{{codes[key], pressed, masks[modifier]}, {codes[key], released, masks[modifier]}}
	if modifier != "" {
		list = append([]event{{codes[modifier], pressed, masks[modifier]}}, append(list, event{codes[modifier], released, 0})...)
	}
	for _, e := range list {
		if err := in.send(in.keyboard, keyEvent, in.nextTime(), e.key, e.state); err != nil {
			return err
		}
		if err := in.send(in.keyboard, modifiers, e.mask, 0, 0, 0); err != nil {
			return err
		}
	}
	return in.sync()
}
