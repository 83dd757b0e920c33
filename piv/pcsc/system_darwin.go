//go:build !nopcsc

package pcsc

type (
	dword  = uint32
	handle = int32
)

// Layout of SCARD_READERSTATE, which the framework packs: two pointers, three DWORD and
// an ATR of 33 bytes.
const (
	maxATR       = 33
	stateCurrent = 16
	stateEvent   = 20
	stateSize    = 61
)

const (
	scope    = scopeSystem
	infinite = 0xFFFFFFFF
)

func open() (*functions, error) { return bind("/System/Library/Frameworks/PCSC.framework/PCSC") }
