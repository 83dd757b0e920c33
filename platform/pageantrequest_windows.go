package platform

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
	"unsafe"

	"golang.org/x/sys/windows"
)

const (
	// pageantCopyData is the number that marks the messages of Pageant's clients.
	pageantCopyData = 0x804e50ba
	// maxMappingName bounds the name in a message, in bytes: PuTTY's has 22.
	maxMappingName = 128
	// maxPageantMessage bounds a request and its answer, in bytes, as PuTTY does.
	maxPageantMessage = 256 << 10
)

// copyData is COPYDATASTRUCT.
type copyData struct {
	number uintptr
	size   uint32
	data   *[maxMappingName]byte
}

// copyDataOf is the structure that a message points to. The system has copied it here.
func copyDataOf(pointer uintptr) copyData { return **(**copyData)(unsafe.Pointer(&pointer)) }

// mappingName is the name of the shared memory: letters, digits and such, with a zero.
func (c copyData) mappingName() (string, error) {
	if c.number != pageantCopyData || c.data == nil || c.size < 2 || c.size > maxMappingName {
		return "", errors.New("not a message of Pageant's clients")
	}
	name, rest, ok := bytes.Cut(c.data[:c.size], []byte{0})
	if !ok || len(rest) > 0 || len(name) == 0 {
		return "", errors.New("its name does not end")
	}
	return string(name), nil
}

// answer serves one request: the client has written it into shared memory, and reads the
// answer there.
func (l *pageantWindow) answer(message copyData) error {
	name, err := message.mappingName()
	if err != nil {
		return err
	}
	memory, err := openShared(name)
	if err != nil {
		return err
	}
	defer memory.close()
	request, err := memory.request()
	if err != nil {
		return err
	}
	defer clear(request)
	reply, err := l.exchange(request, memory.owner, clientOf(name))
	if err != nil {
		return err
	}
	defer clear(reply)
	return memory.reply(reply)
}

// exchange hands a request to the server as a connection with one request.
func (l *pageantWindow) exchange(request []byte, user string, pid uint32) ([]byte, error) {
	ours, theirs := net.Pipe()
	defer ours.Close()
	var now windows.Filetime
	windows.GetSystemTimePreciseAsFileTime(&now)
	select {
	case l.conns <- &messageConn{Conn: theirs, other: other{pid: pid, user: user, since: now}}:
	case <-l.ended:
		return nil, net.ErrClosed
	}
	if _, err := ours.Write(request); err != nil {
		return nil, err
	}
	var header [4]byte
	if _, err := io.ReadFull(ours, header[:]); err != nil {
		return nil, err
	}
	n := binary.BigEndian.Uint32(header[:])
	if n > maxPageantMessage-4 {
		return nil, errors.New("the answer is too long")
	}
	reply := make([]byte, 4+n)
	copy(reply, header[:])
	_, err := io.ReadFull(ours, reply[4:])
	return reply, err
}

// clientOf is the process of the thread that PuTTY's clients name in the name of their
// memory, or 0. Nobody vouches for it: any program of this user can name another's.
func clientOf(mapping string) (pid uint32) {
	digits, ok := strings.CutPrefix(mapping, "PageantRequest")
	id, err := strconv.ParseUint(digits, 16, 32)
	if !ok || err != nil {
		return 0
	}
	thread, err := windows.OpenThread(windows.THREAD_QUERY_LIMITED_INFORMATION, false, uint32(id))
	if err != nil {
		return 0
	}
	defer windows.CloseHandle(thread)
	found, _, _ := windows.NewLazySystemDLL("kernel32.dll").NewProc("GetProcessIdOfThread").Call(uintptr(thread))
	if user, err := userOf(uint32(found)); err != nil || user != currentUser() {
		return 0
	}
	return uint32(found)
}

// shared is a client's memory.
type shared struct {
	handle windows.Handle
	memory []byte
	owner  string // the SID of its owner, which is this user
}

// openShared opens a client's memory if this user owns it. Only this user's programs, and
// administrators, can make it so.
func openShared(name string) (shared, error) {
	const access = windows.FILE_MAP_READ | windows.FILE_MAP_WRITE | windows.READ_CONTROL
	text, err := windows.BytePtrFromString(name)
	if err != nil {
		return shared{}, err
	}
	open := windows.NewLazySystemDLL("kernel32.dll").NewProc("OpenFileMappingA")
	handle, _, err := open.Call(access, 0, uintptr(unsafe.Pointer(text)))
	if handle == 0 {
		return shared{}, fmt.Errorf("OpenFileMapping: %w", err)
	}
	s := shared{handle: windows.Handle(handle)}
	if s.owner, err = ownerOfMapping(s.handle); err != nil {
		windows.CloseHandle(s.handle)
		return shared{}, err
	}
	if s.memory, err = mapped(s.handle); err != nil {
		windows.CloseHandle(s.handle)
		return shared{}, err
	}
	return s, nil
}

func ownerOfMapping(handle windows.Handle) (string, error) {
	descriptor, err := windows.GetSecurityInfo(handle, windows.SE_KERNEL_OBJECT, windows.OWNER_SECURITY_INFORMATION)
	if err != nil {
		return "", fmt.Errorf("ask whose memory it is: %w", err)
	}
	sid, _, err := descriptor.Owner()
	if err != nil || sid == nil {
		return "", errors.New("the memory has no owner")
	}
	owner := sid.String()
	return owner, mayAsk(owner)
}

// mayAsk returns an error unless the owner of the memory is this user.
func mayAsk(owner string) error {
	if user := currentUser(); user == "" || owner != user {
		return fmt.Errorf("the memory is another user's (%s)", owner)
	}
	return nil
}

// mapped is all of the memory, or the part of it that a message may take.
func mapped(handle windows.Handle) ([]byte, error) {
	address, err := windows.MapViewOfFile(handle, windows.FILE_MAP_READ|windows.FILE_MAP_WRITE, 0, 0, 0)
	if err != nil {
		return nil, fmt.Errorf("MapViewOfFile: %w", err)
	}
	var region windows.MemoryBasicInformation
	if err := windows.VirtualQuery(address, &region, unsafe.Sizeof(region)); err != nil {
		_ = windows.UnmapViewOfFile(address)
		return nil, fmt.Errorf("VirtualQuery: %w", err)
	}
	if region.State != windows.MEM_COMMIT || region.Protect != windows.PAGE_READWRITE { // reading it would end this process
		_ = windows.UnmapViewOfFile(address)
		return nil, errors.New("the memory is only reserved")
	}
	return unsafe.Slice(*(**byte)(unsafe.Pointer(&address)), min(region.RegionSize, maxPageantMessage)), nil
}

// request copies the request: its client can change it at every moment.
func (s shared) request() ([]byte, error) {
	var header [4]byte
	copy(header[:], s.memory)
	n := binary.BigEndian.Uint32(header[:])
	if n == 0 || int64(n) > int64(len(s.memory))-4 {
		return nil, errors.New("the request is longer than its memory")
	}
	request := make([]byte, 4+n)
	copy(request, header[:])
	copy(request[4:], s.memory[4:])
	return request, nil
}

func (s shared) reply(reply []byte) error {
	if len(reply) > len(s.memory) {
		return errors.New("the answer is longer than its memory")
	}
	copy(s.memory, reply)
	return nil
}

func (s shared) close() {
	_ = windows.UnmapViewOfFile(uintptr(unsafe.Pointer(&s.memory[0])))
	windows.CloseHandle(s.handle)
}
