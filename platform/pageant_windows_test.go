package platform

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"testing"
	"time"
	"unsafe"

	"golang.org/x/sys/windows"
)

func mustListenPageant(t *testing.T) (pipe, window net.Listener) {
	t.Helper()
	listeners, err := ListenPageant()
	for end := time.Now().Add(patience); errors.Is(err, windows.ERROR_CLASS_ALREADY_EXISTS) && time.Now().Before(end); {
		time.Sleep(10 * time.Millisecond) // the window of an earlier test is on its way out
		listeners, err = ListenPageant()
	}
	if err != nil {
		t.Fatal(err)
	}
	for _, l := range listeners {
		t.Cleanup(func() { l.Close() })
	}
	return listeners[0], listeners[1]
}

// askPageant sends a request as PuTTY's programs do, from this thread.
func askPageant(t *testing.T, mapping string, number uintptr, request []byte) (answer []byte, ok bool) {
	t.Helper()
	const size = 4096
	name, err := windows.UTF16PtrFromString(mapping)
	if err != nil {
		t.Fatal(err)
	}
	access, err := onlyThisUser() // PuTTY names the owner, too
	if err != nil {
		t.Fatal(err)
	}
	handle, err := windows.CreateFileMapping(windows.InvalidHandle, access, windows.PAGE_READWRITE, 0, size, name)
	if err != nil {
		t.Fatal(err)
	}
	defer windows.CloseHandle(handle)
	address, err := windows.MapViewOfFile(handle, windows.FILE_MAP_WRITE, 0, 0, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer windows.UnmapViewOfFile(address)
	memory := unsafe.Slice(*(**byte)(unsafe.Pointer(&address)), size)
	copy(memory, request)
	if sendPageant(t, number, append([]byte(mapping), 0)) == 0 {
		return nil, false
	}
	n := binary.BigEndian.Uint32(memory)
	if n > size-4 {
		t.Fatalf("an answer of %d bytes", n)
	}
	return append([]byte(nil), memory[4:4+n]...), true
}

// sendPageant returns what the window answers to the message.
func sendPageant(t *testing.T, number uintptr, data []byte) uintptr {
	t.Helper()
	class, _ := windows.UTF16PtrFromString(pageantName)
	window, _, _ := user32("FindWindowW").Call(uintptr(unsafe.Pointer(class)), uintptr(unsafe.Pointer(class)))
	if window == 0 {
		t.Fatal("there is no window")
	}
	message := struct {
		number uintptr
		size   uint32
		data   *byte
	}{number, uint32(len(data)), &data[0]}
	answer, _, _ := user32("SendMessageW").Call(window, wmCopyData, 0, uintptr(unsafe.Pointer(&message)))
	return answer
}

// mappingOf is the name that PuTTY's programs choose.
func mappingOf() string { return fmt.Sprintf("PageantRequest%08x", windows.GetCurrentThreadId()) }

func framed(text string) []byte {
	return append(binary.BigEndian.AppendUint32(nil, uint32(len(text))), text...)
}

func TestPageantWindow(t *testing.T) {
	_, window := mustListenPageant(t)
	peers := make(chan Peer, 1)
	go func() {
		for {
			conn, err := window.Accept()
			if err != nil {
				return
			}
			peer, err := PeerOf(conn)
			if err != nil {
				t.Error(err)
			}
			peers <- peer
			io.Copy(conn, conn)
			conn.Close()
		}
	}()
	for _, text := range []string{"one", strings.Repeat("x", 4092)} {
		if answer, ok := askPageant(t, mappingOf(), pageantCopyData, framed(text)); !ok || string(answer) != text {
			t.Errorf("%.10q: %.10q, %t", text, answer, ok)
		}
		if peer := <-peers; peer.User != currentUser() || peer.PID != os.Getpid() || !peer.Identified {
			t.Errorf("the caller is %+v, not this process", peer)
		}
	}
	if answer, ok := askPageant(t, "keybroker-test-memory", pageantCopyData, framed("two")); !ok || string(answer) != "two" {
		t.Errorf("memory of another name: %q, %t", answer, ok)
	}
	if peer := <-peers; peer.User != currentUser() || peer.Identified {
		t.Errorf("memory of another name: the caller is %+v", peer)
	}
}

func TestPageantWindowRefuses(t *testing.T) {
	_, window := mustListenPageant(t)
	echo(t, window)
	for name, try := range map[string]func() bool{
		"a number of another program's": func() bool { _, ok := askPageant(t, mappingOf(), 1, framed("x")); return ok },
		"a request longer than its memory": func() bool {
			_, ok := askPageant(t, mappingOf(), pageantCopyData, binary.BigEndian.AppendUint32(nil, 1<<31))
			return ok
		},
		"an empty request":   func() bool { _, ok := askPageant(t, mappingOf(), pageantCopyData, framed("")); return ok },
		"no memory":          func() bool { return sendPageant(t, pageantCopyData, []byte("keybroker-none\x00")) != 0 },
		"a name without end": func() bool { return sendPageant(t, pageantCopyData, []byte("keybroker-none")) != 0 },
		"a long name": func() bool {
			return sendPageant(t, pageantCopyData, append([]byte(strings.Repeat("x", maxMappingName)), 0)) != 0
		},
	} {
		if try() {
			t.Errorf("%s: answered", name)
		}
	}
	if answer, ok := askPageant(t, mappingOf(), pageantCopyData, framed("x")); !ok || string(answer) != "x" {
		t.Errorf("afterwards: %q, %t", answer, ok)
	}
}

// Memory that is only reserved has no contents: reading it would end the broker.
func TestPageantMemoryThatIsOnlyReserved(t *testing.T) {
	const secReserve = 0x4000000 // winnt.h
	_, window := mustListenPageant(t)
	echo(t, window)
	access, err := onlyThisUser()
	if err != nil {
		t.Fatal(err)
	}
	handle, err := windows.CreateFileMapping(windows.InvalidHandle, access, windows.PAGE_READWRITE|secReserve, 0, 4096, windows.StringToUTF16Ptr("keybroker-reserved"))
	if err != nil {
		t.Fatal(err)
	}
	defer windows.CloseHandle(handle)
	if sendPageant(t, pageantCopyData, []byte("keybroker-reserved\x00")) != 0 {
		t.Error("it was answered")
	}
	if answer, ok := askPageant(t, mappingOf(), pageantCopyData, framed("x")); !ok || string(answer) != "x" {
		t.Errorf("afterwards: %q, %t", answer, ok)
	}
}

// Memory of another user cannot be made here, so the judge is asked.
func TestPageantMemoryOfAnotherUser(t *testing.T) {
	if err := mayAsk(currentUser()); err != nil {
		t.Error(err)
	}
	for _, owner := range []string{"", "S-1-5-21-1-2-3-1001", administrators} {
		if err := mayAsk(owner); err == nil || !strings.Contains(err.Error(), "another user's") {
			t.Errorf("%q: %v", owner, err)
		}
	}
}

// A request that waits for a person delays no other.
func TestPageantRequestsDoNotWait(t *testing.T) {
	_, window := mustListenPageant(t)
	const asking = 5
	done := make(chan bool, asking)
	var conns []net.Conn
	for i := range asking {
		go func() {
			answer, ok := askPageant(t, fmt.Sprintf("keybroker-test-%d", i), pageantCopyData, framed("x"))
			done <- ok && string(answer) == "x"
		}()
		conns = append(conns, mustAccept(t, window)) // those before are not answered yet
	}
	for _, conn := range conns {
		go func() { io.CopyN(conn, conn, int64(len(framed("x")))) }()
	}
	for range asking {
		if !<-done {
			t.Error("a request was not answered")
		}
	}
}

func TestPageantPipe(t *testing.T) {
	pipe, _ := mustListenPageant(t)
	echo(t, pipe)
	name, err := pageantPipe()
	if err != nil || pipe.Addr().String() != name || !strings.HasPrefix(name, pipePrefix+"pageant.") {
		t.Errorf("%q at %s, %v", name, pipe.Addr(), err)
	}
	if err := roundTrip(mustDial(t, name), []byte("x")); err != nil {
		t.Error(err)
	}
}

func TestSecondPageant(t *testing.T) {
	pipe, window := mustListenPageant(t)
	if _, err := ListenPageant(); !errors.Is(err, ErrInUse) {
		t.Errorf("with the window: %v", err)
	}
	window.Close()
	if _, err := ListenPageant(); !errors.Is(err, ErrInUse) {
		t.Errorf("with the pipe: %v", err)
	}
	pipe.Close()
	mustListenPageant(t)
}

// TestPageantWindowIsMadeAgain: a window that was closed never takes the class of the one after it.
func TestPageantWindowIsMadeAgain(t *testing.T) {
	for range 40 {
		window, err := listenPageantWindow()
		if err != nil {
			t.Fatal(err)
		}
		window.Close()
	}
}
