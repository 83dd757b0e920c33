//go:build linux

package waylandtest

import (
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"syscall"
	"time"
)

// wire speaks the part of Wayland's wire format that input needs: an object, size and
// opcode, then arguments of four bytes each.
type wire struct {
	*net.UnixConn
	last uint32 // the last object ID
}

const display = 1 // the object that always exists

// newObject returns the ID for a new object.
func (w *wire) newObject() uint32 {
	w.last++
	return w.last
}

// bind creates objects for globals of the compositor.
func (w *wire) bind(names ...string) (objects []uint32, err error) {
	const getRegistry, global, bind, version = 1, 0, 0, 1
	registry := w.newObject()
	if err := w.send(display, getRegistry, registry); err != nil {
		return nil, err
	}
	numbers := map[string]uint32{}
	err = w.syncWith(func(object, opcode uint32, args []byte) {
		if object == registry && opcode == global {
			name, _, _ := strings.Cut(string(args[8:]), "\x00")
			numbers[name] = binary.NativeEndian.Uint32(args)
		}
	})
	for _, name := range names {
		number, ok := numbers[name]
		if err == nil && !ok {
			err = fmt.Errorf("the compositor has no %s", name)
		}
		if err != nil {
			return nil, err
		}
		object := w.newObject()
		objects = append(objects, object)
		words := append([]uint32{number}, stringWords(name)...)
		err = w.send(registry, bind, append(words, version, object)...)
	}
	return objects, err
}

// stringWords encodes the length and the zero-terminated text, padded to four bytes.
func stringWords(s string) []uint32 {
	words := []uint32{uint32(len(s) + 1)}
	for text := append([]byte(s), make([]byte, 4-len(s)%4)...); len(text) > 0; text = text[4:] {
		words = append(words, binary.NativeEndian.Uint32(text))
	}
	return words
}

// sync waits until the compositor has handled all requests.
func (w *wire) sync() error { return w.syncWith(func(uint32, uint32, []byte) {}) }

// syncWith is sync that passes each event to handle.
func (w *wire) syncWith(handle func(object, opcode uint32, args []byte)) error {
	const sync, protocolError = 0, 0
	callback := w.newObject()
	if err := w.send(display, sync, callback); err != nil {
		return err
	}
	for {
		var head [2]uint32
		if err := binary.Read(w, binary.NativeEndian, &head); err != nil {
			return err
		}
		args := make([]byte, head[1]>>16-8)
		if _, err := io.ReadFull(w, args); err != nil {
			return err
		}
		switch opcode := head[1] & 0xffff; {
		case head[0] == callback:
			return nil
		case head[0] == display && opcode == protocolError:
			return fmt.Errorf("wayland: %q", args[12:])
		default:
			handle(head[0], opcode, args)
		}
	}
}

func (w *wire) send(object, opcode uint32, args ...uint32) error {
	return w.sendFile(nil, object, opcode, args...)
}

// sendFile sends a request with a file; nil: without.
func (w *wire) sendFile(file *os.File, object, opcode uint32, args ...uint32) error {
	if err := w.SetDeadline(time.Now().Add(patience)); err != nil {
		return err
	}
	words := append([]uint32{object, uint32(8+4*len(args))<<16 | opcode}, args...)
	data, err := binary.Append(nil, binary.NativeEndian, words)
	if err != nil {
		return err
	}
	var rights []byte
	if file != nil {
		rights = syscall.UnixRights(int(file.Fd()))
	}
	_, _, err = w.WriteMsgUnix(data, rights, nil)
	return err
}
