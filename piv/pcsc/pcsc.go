//go:build !nopcsc && ((linux && (386 || amd64 || arm || arm64 || loong64 || ppc64le || riscv64)) || ((darwin || windows) && (amd64 || arm64)))

// Package pcsc calls the system's PC/SC library: libpcsclite on Linux, the PCSC
// framework on macOS, winscard.dll on Windows. It opens the library when it is first
// needed, so a program needs neither a C compiler to build nor the library to start.
//
// Functions and codes are those of PC/SC part 5 and of pcsc-lite's winscard.h.
package pcsc

import (
	"bytes"
	"fmt"
	"runtime"
	"sync"
	"time"
	"unsafe"
)

// Compiled reports whether this program can talk to cards at all.
const Compiled = true

// Constants of winscard.h.
const (
	scopeUser   = 0 // Windows knows no other for programs of a person
	scopeSystem = 2 // pcsc-lite and macOS know no other

	Shared    = 2
	Exclusive = 1

	ProtocolT0  = 1
	ProtocolT1  = 2
	ProtocolAny = ProtocolT0 | ProtocolT1

	LeaveCard = 0
	ResetCard = 1
)

// Flags of a ReaderState.
const (
	StateIgnore    = 0x0001
	StateChanged   = 0x0002
	StateUnknown   = 0x0004
	StateEmpty     = 0x0010
	StatePresent   = 0x0020
	StateExclusive = 0x0080
	StateInUse     = 0x0100
	StateMute      = 0x0200
)

// maxResponse is the longest response APDU: 65,536 bytes and two status bytes.
const maxResponse = 1<<16 + 2

// maxName bounds the name of a reader.
const maxName = 1024

// maxNames bounds the list of readers: pcsc-lite has room for 16 of 128 characters.
const maxNames = 1 << 16

// functions are the library's. purego calls them on a thread of their own, so a call
// that blocks holds up nobody.
type functions struct {
	EstablishContext func(scope dword, reserved1, reserved2 uintptr, context *handle) uint32
	ReleaseContext   func(context handle) uint32
	Cancel           func(context handle) uint32
	ListReaders      func(context handle, groups uintptr, names *char, size *dword) uint32
	GetStatusChange  func(context handle, timeout dword, states *byte, count dword) uint32
	Connect          func(context handle, reader *char, share, protocols dword, card *handle, protocol *dword) uint32
	Disconnect       func(card handle, disposition dword) uint32
	BeginTransaction func(card handle) uint32
	EndTransaction   func(card handle, disposition dword) uint32
	Status           func(card handle, reader *char, readerSize, state, protocol *dword, atr *byte, atrSize *dword) uint32
	Transmit         func(card handle, send *ioRequest, command *byte, commandSize dword, receive *ioRequest, response *byte, responseSize *dword) uint32
}

// ioRequest is SCARD_IO_REQUEST.
type ioRequest struct{ protocol, size dword }

// library opens the library. A failure is not kept: it may be installed later.
var library = struct {
	sync.Mutex
	functions *functions
}{}

func opened() (*functions, error) {
	library.Lock()
	defer library.Unlock()
	if library.functions == nil {
		f, err := open()
		if err != nil {
			return nil, fmt.Errorf("%w: %w", ErrLibrary, err)
		}
		library.functions = f
	}
	return library.functions, nil
}

// Context is a connection to the smartcard service. Only Cancel may be called beside
// another call.
type Context struct {
	call *functions
	id   handle
}

// Establish connects to the smartcard service. The error wraps ErrLibrary or is an
// Error.
func Establish() (*Context, error) {
	call, err := opened()
	if err != nil {
		return nil, err
	}
	c := &Context{call: call}
	if err := asError(call.EstablishContext(scope, 0, 0, &c.id)); err != nil {
		return nil, err
	}
	return c, nil
}

// Release ends the connection, and a Wait.
func (c *Context) Release() error { return asError(c.call.ReleaseContext(c.id)) }

// Cancel ends a Wait.
func (c *Context) Cancel() error { return asError(c.call.Cancel(c.id)) }

// Readers lists the names of the readers.
func (c *Context) Readers() ([]string, error) {
	names := make([]char, maxNames)
	size := dword(len(names))
	err := asError(c.call.ListReaders(c.id, 0, &names[0], &size))
	if err == ErrNoReaders {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return multiString(names[:min(size, dword(len(names)))]), nil
}

// ReaderState is what is known about a reader, and what a Wait found.
type ReaderState struct {
	Reader  string
	Current uint32 // the last Event without StateChanged; 0: nothing is known
	Event   uint32 // flags, and in the upper 16 bits how many cards were inserted
}

// Wait waits until one of the states is no more the current one, and sets each Event.
// Below zero, it waits without end. The error may be ErrTimeout or ErrCancelled.
func (c *Context) Wait(states []ReaderState, timeout time.Duration) error {
	var pinned runtime.Pinner
	defer pinned.Unpin()
	raw := make([]byte, max(1, len(states))*stateSize)
	pinned.Pin(&raw[0])
	for i, s := range states {
		name := cString(s.Reader)
		pinned.Pin(&name[0])
		entry := raw[i*stateSize:]
		putPointer(entry, unsafe.Pointer(&name[0]))
		putWord(entry[stateCurrent:], s.Current)
	}
	milliseconds := dword(infinite)
	if timeout >= 0 {
		milliseconds = dword(timeout.Milliseconds())
	}
	err := asError(c.call.GetStatusChange(c.id, milliseconds, &raw[0], dword(len(states))))
	for i := range states {
		states[i].Event = word(raw[i*stateSize+stateEvent:])
	}
	return err
}

// Connect connects to the card in a reader.
func (c *Context) Connect(reader string, share, protocols uint32) (*Card, error) {
	card, name := &Card{call: c.call}, cString(reader)
	var protocol dword
	if err := asError(c.call.Connect(c.id, &name[0], dword(share), dword(protocols), &card.id, &protocol)); err != nil {
		return nil, err
	}
	card.protocol = uint32(protocol)
	return card, nil
}

// Card is a connection to a card. One goroutine at a time may use it.
type Card struct {
	call     *functions
	id       handle
	protocol uint32
	response []byte // of Transmit, made once: every response has room for the longest
}

// Protocol returns ProtocolT0, ProtocolT1 or 0 if the card has none at the moment.
func (c *Card) Protocol() uint32 { return c.protocol }

// Disconnect ends the connection. disposition is what becomes of the card.
func (c *Card) Disconnect(disposition uint32) error {
	return asError(c.call.Disconnect(c.id, dword(disposition)))
}

// Begin begins a transaction: no other program can use the card until its end.
func (c *Card) Begin() error { return asError(c.call.BeginTransaction(c.id)) }

// End ends a transaction.
func (c *Card) End(disposition uint32) error {
	return asError(c.call.EndTransaction(c.id, dword(disposition)))
}

// ATR returns the card's answer to reset.
func (c *Card) ATR() ([]byte, error) {
	names := make([]char, maxName)
	var atr [maxATR]byte
	var state, protocol dword
	nameSize, size := dword(len(names)), dword(len(atr))
	if err := asError(c.call.Status(c.id, &names[0], &nameSize, &state, &protocol, &atr[0], &size)); err != nil {
		return nil, err
	}
	return bytes.Clone(atr[:min(size, maxATR)]), nil
}

// Transmit sends a command APDU and returns the response with its two status bytes.
func (c *Card) Transmit(command []byte) ([]byte, error) {
	if len(command) == 0 {
		return nil, ErrInvalidParameter
	}
	if c.response == nil {
		c.response = make([]byte, maxResponse)
	}
	send := ioRequest{protocol: dword(c.protocol), size: dword(unsafe.Sizeof(ioRequest{}))}
	size := dword(len(c.response))
	err := asError(c.call.Transmit(c.id, &send, &command[0], dword(len(command)), nil, &c.response[0], &size))
	if err != nil {
		return nil, err
	}
	response := c.response[:min(size, maxResponse)]
	defer clear(response)
	return bytes.Clone(response), nil
}

// word and putWord are a DWORD in the byte order of the machine.
func word(b []byte) uint32 { return uint32(*(*dword)(unsafe.Pointer(&b[0]))) }

func putWord(b []byte, value uint32) { *(*dword)(unsafe.Pointer(&b[0])) = dword(value) }

func putPointer(b []byte, p unsafe.Pointer) { *(*uintptr)(unsafe.Pointer(&b[0])) = uintptr(p) }
