//go:build linux

package confirm

import (
	"encoding/binary"
	"io"
	"net"
	"strconv"
	"testing"
)

// closeWindow does what a window manager does when its close button is
// pressed: it sends WM_DELETE_WINDOW (ICCCM 4.2.8.1). xdotool cannot.
func (d *desktop) closeWindow(t *testing.T, window string) {
	t.Helper()
	id, err := strconv.ParseUint(window, 10, 32)
	if err != nil {
		t.Errorf("window %q: %v", window, err)
		return
	}
	conn, err := net.Dial("unix", "/tmp/.X11-unix/X"+d.display[1:])
	if err != nil {
		t.Error(err)
		return
	}
	defer conn.Close()
	le := binary.LittleEndian
	conn.Write([]byte{'l', 0, 11, 0, 0, 0, 0, 0, 0, 0, 0, 0}) // connection setup, no authorization
	head := make([]byte, 8)
	io.ReadFull(conn, head)
	io.CopyN(io.Discard, conn, int64(le.Uint16(head[6:]))*4)
	atom := func(name string) uint32 {
		padded := name + "\x00\x00\x00"[:(4-len(name)%4)%4]
		request := []byte{16, 0, byte(2 + len(padded)/4), 0, byte(len(name)), 0, 0, 0}
		conn.Write(append(request, padded...))
		reply := make([]byte, 32)
		io.ReadFull(conn, reply)
		return le.Uint32(reply[8:])
	}
	protocols, deleteWindow := atom("WM_PROTOCOLS"), atom("WM_DELETE_WINDOW")
	event := make([]byte, 44)
	event[0], event[2] = 25, 11 // SendEvent
	le.PutUint32(event[4:], uint32(id))
	event[12], event[13] = 33, 32 // ClientMessage of 32-bit values
	le.PutUint32(event[16:], uint32(id))
	le.PutUint32(event[20:], protocols)
	le.PutUint32(event[24:], deleteWindow)
	conn.Write(event)
	atom("WM_PROTOCOLS") // its reply tells that the event was taken
}
