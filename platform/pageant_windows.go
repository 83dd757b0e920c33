package platform

import (
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"strings"
	"unsafe"

	"github.com/keybroker/keybroker/problem"
	"golang.org/x/sys/windows"
)

// listenPageant takes the window first: it is what most clients look for.
func listenPageant() ([]net.Listener, error) {
	window, err := listenPageantWindow()
	if err != nil {
		return nil, err
	}
	name, err := pageantPipe()
	if err == nil {
		var pipe net.Listener
		if pipe, err = listen(name); err == nil {
			return []net.Listener{pipe, window}, nil
		}
	}
	_ = window.Close()
	if errors.Is(err, ErrInUse) {
		err = pageantInUse()
	}
	return nil, err
}

func pageantInUse() error {
	return problem.With(fmt.Errorf("PuTTY's Pageant: %w", ErrInUse), "close Pageant and start the broker again, or set pageant = false in [windows]")
}

// pageantPipe is the name that PuTTY's programs compute: the user's name and a hash that
// other users cannot compute.
func pageantPipe() (string, error) {
	user, err := puttyUser()
	if err != nil {
		return "", err
	}
	secret, err := protectedName("Pageant")
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("%spageant.%s.%x", pipePrefix, user, secret), nil
}

// puttyUser is the user's principal name without its realm, or else the login name.
func puttyUser() (string, error) {
	const principal = 8 // NameUserPrincipal (secext.h)
	var name [256]uint16
	n := uint32(len(name))
	if windows.GetUserNameEx(principal, &name[0], &n) == nil {
		user, _, _ := strings.Cut(windows.UTF16ToString(name[:]), "@")
		return user, nil
	}
	n = uint32(len(name))
	ask := windows.NewLazySystemDLL("advapi32.dll").NewProc("GetUserNameW")
	if ok, _, err := ask.Call(uintptr(unsafe.Pointer(&name[0])), uintptr(unsafe.Pointer(&n))); ok == 0 {
		return "", fmt.Errorf("the system does not name this user: %w", err)
	}
	return windows.UTF16ToString(name[:]), nil
}

// protectedName is the SHA-256 of a name that the system has encrypted for all processes
// of this user. It stays the same until the system is started again.
func protectedName(name string) ([]byte, error) {
	const (
		block        = 16 // CRYPTPROTECTMEMORY_BLOCK_SIZE (dpapi.h)
		crossProcess = 1  // CRYPTPROTECTMEMORY_CROSS_PROCESS
	)
	text := make([]byte, (len(name)/block+1)*block) // with the zero that ends it
	copy(text, name)
	protect := windows.NewLazySystemDLL("crypt32.dll").NewProc("CryptProtectMemory")
	if ok, _, err := protect.Call(uintptr(unsafe.Pointer(&text[0])), uintptr(len(text)), crossProcess); ok == 0 {
		return nil, fmt.Errorf("CryptProtectMemory: %w", err)
	}
	sum := sha256.Sum256(append(binary.BigEndian.AppendUint32(nil, uint32(len(text))), text...))
	return sum[:], nil
}
