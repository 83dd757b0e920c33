//go:build !nopcsc && (386 || amd64 || arm || arm64 || loong64 || ppc64le || riscv64)

package pcsc

import "unsafe"

// dword and handle are long integers in pcsc-lite.
type (
	dword  = uintptr
	handle = uintptr
)

// Layout of SCARD_READERSTATE: two pointers, three DWORD and an ATR of 33 bytes.
const (
	wordSize     = int(unsafe.Sizeof(dword(0)))
	maxATR       = 33
	stateCurrent = 2 * wordSize
	stateEvent   = 3 * wordSize
	stateSize    = (5*wordSize + maxATR + wordSize - 1) / wordSize * wordSize
)

const (
	scope    = scopeSystem
	infinite = 0xFFFFFFFF
)

func open() (*functions, error) { return bind("libpcsclite.so.1") }
