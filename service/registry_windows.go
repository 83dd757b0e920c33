package service

import (
	"errors"
	"unsafe"

	"golang.org/x/sys/windows"
	"golang.org/x/sys/windows/registry"
)

// splitValue cuts a path into the key and the name of a value.
func splitValue(path string) (key, name string) {
	for i := len(path) - 1; i >= 0; i-- {
		if path[i] == '\\' {
			return path[:i], path[i+1:]
		}
	}
	return "", path
}

func readValue(path string) (text string, there bool, err error) {
	where, name := splitValue(path)
	key, err := registry.OpenKey(registry.CURRENT_USER, where, registry.QUERY_VALUE)
	if errors.Is(err, registry.ErrNotExist) {
		return "", false, nil
	}
	if err != nil {
		return "", false, err
	}
	defer key.Close()
	text, _, err = key.GetStringValue(name)
	if errors.Is(err, registry.ErrNotExist) {
		return "", false, nil
	}
	return text, err == nil, err
}

func writeValue(path, text string) error {
	where, name := splitValue(path)
	key, _, err := registry.CreateKey(registry.CURRENT_USER, where, registry.SET_VALUE)
	if err != nil {
		return err
	}
	defer key.Close()
	if err := key.SetStringValue(name, text); err != nil {
		return err
	}
	announceEnvironment(where)
	return nil
}

func deleteValue(path string) error {
	where, name := splitValue(path)
	key, err := registry.OpenKey(registry.CURRENT_USER, where, registry.SET_VALUE)
	if err != nil {
		return err
	}
	defer key.Close()
	if err := key.DeleteValue(name); err != nil {
		return err
	}
	announceEnvironment(where)
	return nil
}

var sendMessageTimeout = windows.NewLazySystemDLL("user32.dll").NewProc("SendMessageTimeoutW")

// announceTime bounds how long one window may take to hear of the change.
const announceTime = 1000 // milliseconds

// announceEnvironment has the desktop read the user's environment again, so that
// programs that are started from now on see it (WM_SETTINGCHANGE).
func announceEnvironment(key string) {
	if key != environmentKey {
		return
	}
	const (
		hwndBroadcast   = 0xffff
		wmSettingChange = 0x001a
		abortIfHung     = 0x0002
	)
	name, _ := windows.UTF16PtrFromString("Environment")
	var result uintptr
	_, _, _ = sendMessageTimeout.Call(hwndBroadcast, wmSettingChange, 0, uintptr(unsafe.Pointer(name)), abortIfHung, announceTime, uintptr(unsafe.Pointer(&result)))
}
