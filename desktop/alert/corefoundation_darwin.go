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

// coreFoundation holds the functions of CoreFoundation that are used. References are
// numbers, because nothing that they refer to is Go's memory. Only the alert itself is
// released: there are few other objects, and the process ends after its one question.
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

// symbol is the address of a symbol; 0: not found.
func (cf *coreFoundation) symbol(name string) uintptr {
	address, err := purego.Dlsym(cf.handle, name)
	if err != nil {
		return 0
	}
	return address
}

// constant is the value of a symbol that holds a reference.
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
	bytes := append([]byte(s), 0) // &bytes[0] exists even when s is empty
	return cf.stringCreate(0, &bytes[0], len(s), utf8Encoding, false)
}
