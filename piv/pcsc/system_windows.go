//go:build !nopcsc && (amd64 || arm64)

package pcsc

import (
	"reflect"
	"unicode/utf16"

	"github.com/ebitengine/purego"
	"golang.org/x/sys/windows"
)

type (
	dword  = uint32
	handle = uintptr
	char   = uint16 // UTF-16
)

// Layout of SCARD_READERSTATEW: two pointers, three DWORD and an ATR of 36 bytes.
const (
	maxATR       = 33
	stateCurrent = 16
	stateEvent   = 20
	stateSize    = 64
)

const (
	scope    = scopeUser
	infinite = 0xFFFFFFFF
)

// wide are the functions that take names: their names in the library end with a W.
var wide = map[string]bool{"ListReaders": true, "GetStatusChange": true, "Connect": true, "Status": true}

func open() (*functions, error) {
	library := windows.NewLazySystemDLL("winscard.dll") // from the system's directory only
	f := &functions{}
	fields := reflect.ValueOf(f).Elem()
	for i := range fields.NumField() {
		name := fields.Type().Field(i).Name
		if wide[name] {
			name += "W"
		}
		function := library.NewProc("SCard" + name)
		if err := function.Find(); err != nil {
			return nil, err
		}
		purego.RegisterFunc(fields.Field(i).Addr().Interface(), function.Addr())
	}
	return f, nil
}

func cString(text string) []char { return append(utf16.Encode([]rune(text)), 0) }

// multiString splits names that each end with a zero.
func multiString(names []char) (list []string) {
	for len(names) > 0 && names[0] != 0 {
		name := windows.UTF16ToString(names)
		list = append(list, name)
		names = names[min(len(names), len(cString(name))):]
	}
	return list
}
