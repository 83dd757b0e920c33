package platform

import (
	"strings"
	"unsafe"

	"golang.org/x/sys/windows"
)

// argsOf reads a process's command line from its memory and splits it as programs do. A
// process can overwrite it. For a process that may not be read (another user's, or one
// of higher integrity) it returns nothing.
//
// Since Windows 8.1 NtQueryInformationProcess returns the same (class 60) and needs
// fewer rights. It is not used because wine 8, in which this is tested, lacks it.
func argsOf(pid, maxArgs, maxBytes int) []string {
	if maxArgs == 0 {
		return nil
	}
	process, err := windows.OpenProcess(windows.PROCESS_QUERY_LIMITED_INFORMATION|windows.PROCESS_VM_READ, false, uint32(pid))
	if err != nil {
		return nil
	}
	defer windows.CloseHandle(process)
	line, err := commandLine(process, maxBytes)
	if err != nil || line == "" {
		return nil
	}
	args, err := windows.DecomposeCommandLine(line)
	if err != nil {
		return nil
	}
	return clipArgs(args, maxArgs, maxBytes)
}

// commandLine follows PEB and RTL_USER_PROCESS_PARAMETERS (winternl.h) through the other process's memory.
// Addresses there stay numbers here. It reads maxUnits UTF-16 units at most.
func commandLine(process windows.Handle, maxUnits int) (string, error) {
	basic, err := basicInformation(process)
	if err != nil {
		return "", err
	}
	at := basic.peb + unsafe.Offsetof(windows.PEB{}.ProcessParameters)
	parameters, err := readMemory[uintptr](process, at)
	if err != nil {
		return "", err
	}
	line, err := readMemory[unicodeString](process, parameters+unsafe.Offsetof(windows.RTL_USER_PROCESS_PARAMETERS{}.CommandLine))
	if err != nil || line.length < 2 || maxUnits < 1 {
		return "", err
	}
	text := make([]uint16, min(int(line.length)/2, maxUnits))
	defer clear(text)
	err = windows.ReadProcessMemory(process, line.buffer, (*byte)(unsafe.Pointer(&text[0])), uintptr(2*len(text)), nil)
	return windows.UTF16ToString(text), err
}

// unicodeString is windows.NTUnicodeString in another process.
type unicodeString struct {
	length uint16 // in bytes
	_      uint16 // what there is room for
	buffer uintptr
}

// readMemory reads a value without pointers from another process.
func readMemory[T any](process windows.Handle, at uintptr) (value T, err error) {
	err = windows.ReadProcessMemory(process, at, (*byte)(unsafe.Pointer(&value)), unsafe.Sizeof(value), nil)
	return value, err
}

// clipArgs keeps the beginning.
func clipArgs(args []string, maxArgs, maxBytes int) []string {
	var kept []string
	for _, arg := range args[:min(len(args), maxArgs)] {
		if maxBytes <= 0 {
			break
		}
		arg = strings.Clone(arg[:min(len(arg), maxBytes)]) // not the whole line with it
		maxBytes -= len(arg) + 1
		kept = append(kept, arg)
	}
	return kept
}
