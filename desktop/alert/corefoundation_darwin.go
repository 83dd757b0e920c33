package alert

import (
	"fmt"
	"unsafe"

	"github.com/ebitengine/purego"
)

const (
	library      = "/System/Library/Frameworks/CoreFoundation.framework/CoreFoundation"
	utf8Encoding = 0x08000100 // kCFStringEncodingUTF8
)

// coreFoundation is what is used of the library of that name. References are
// numbers here: nothing of them is Go's memory. Few are made, and the process
// ends after its one question, so only the alert itself is given back.
type coreFoundation struct {
	handle uintptr

	create           func(allocator uintptr, timeout float64, flags uint, code *int32, dictionary uintptr) uintptr
	receiveResponse  func(notification uintptr, timeout float64, response *uint) int32
	getResponseValue func(notification, key uintptr, index int) uintptr
	cancel           func(notification uintptr) int32

	stringCreate     func(allocator uintptr, bytes *byte, length int, encoding uint32, external bool) uintptr
	getCString       func(text uintptr, buffer *byte, size int, encoding uint32) bool
	dictionaryCreate func(allocator uintptr, keys, values *uintptr, count int, keyCallbacks, valueCallbacks uintptr) uintptr
	release          func(object uintptr)
}

func load() (*coreFoundation, error) {
	handle, err := purego.Dlopen(library, purego.RTLD_NOW|purego.RTLD_GLOBAL)
	if err != nil {
		return nil, fmt.Errorf("CoreFoundation: %w", err)
	}
	cf := &coreFoundation{handle: handle}
	for name, function := range map[string]any{
		"CFUserNotificationCreate":           &cf.create,
		"CFUserNotificationReceiveResponse":  &cf.receiveResponse,
		"CFUserNotificationGetResponseValue": &cf.getResponseValue,
		"CFUserNotificationCancel":           &cf.cancel,
		"CFStringCreateWithBytes":            &cf.stringCreate,
		"CFStringGetCString":                 &cf.getCString,
		"CFDictionaryCreate":                 &cf.dictionaryCreate,
		"CFRelease":                          &cf.release,
	} {
		if cf.symbol(name) == 0 { // RegisterLibFunc would panic
			return nil, fmt.Errorf("CoreFoundation has no %s", name)
		}
		purego.RegisterLibFunc(function, handle, name)
	}
	return cf, nil
}

// symbol is the address of a name; 0: there is none.
func (cf *coreFoundation) symbol(name string) uintptr {
	address, err := purego.Dlsym(cf.handle, name)
	if err != nil {
		return 0
	}
	return address
}

// constant is the reference that lies at a name.
func (cf *coreFoundation) constant(name string) uintptr {
	address := cf.symbol(name)
	if address == 0 {
		return 0
	}
	return **(**uintptr)(unsafe.Pointer(&address))
}

// key is a key of an alert's dictionary.
func (cf *coreFoundation) key(name string) uintptr {
	return cf.constant("kCFUserNotification" + name + "Key")
}

func (cf *coreFoundation) string(s string) uintptr {
	bytes := append([]byte(s), 0) // it points somewhere, also when s is empty
	return cf.stringCreate(0, &bytes[0], len(s), utf8Encoding, false)
}
