package platform

import (
	"path/filepath"
	"strings"
	"unsafe"

	"golang.org/x/sys/windows"
)

// look reads one process, and holds it open meanwhile. It can read a process of higher
// integrity, but not another user's.
func look(pid, maxArgs, maxBytes int) (sighting, error) {
	process, err := windows.OpenProcess(windows.PROCESS_QUERY_LIMITED_INFORMATION, false, uint32(pid))
	if err != nil {
		return sighting{}, err
	}
	defer windows.CloseHandle(process)
	basic, err := basicInformation(process)
	if err != nil {
		return sighting{}, err
	}
	var made, exited, kernel, user windows.Filetime
	if err := windows.GetProcessTimes(process, &made, &exited, &kernel, &user); err != nil {
		return sighting{}, err
	}
	exe, err := executable(process)
	if err != nil {
		return sighting{}, err
	}
	p := Process{PID: pid, Start: ticks(made), Name: programName(exe), Executable: exe, Args: argsOf(pid, maxArgs, maxBytes)}
	return sighting{Process: p, parent: int(basic.parent)}, nil
}

// processBasicInformation is PROCESS_BASIC_INFORMATION (winternl.h). The other
// process's address is a number here: as a pointer it would be one into our memory.
type processBasicInformation struct {
	exitStatus uintptr
	peb        uintptr
	affinity   uintptr
	priority   uintptr
	pid        uintptr
	parent     uintptr
}

func basicInformation(process windows.Handle) (basic processBasicInformation, err error) {
	err = windows.NtQueryInformationProcess(process, windows.ProcessBasicInformation, unsafe.Pointer(&basic), uint32(unsafe.Sizeof(basic)), nil)
	return basic, err
}

// ticks counts in units of 100 ns.
func ticks(t windows.Filetime) uint64 { return uint64(t.HighDateTime)<<32 | uint64(t.LowDateTime) }

func executable(process windows.Handle) (string, error) {
	buf := make([]uint16, windows.MAX_LONG_PATH)
	size := uint32(len(buf))
	if err := windows.QueryFullProcessImageName(process, 0, &buf[0], &size); err != nil {
		return "", err
	}
	return windows.UTF16ToString(buf[:size]), nil
}

// programName is "ssh" for C:\Windows\System32\OpenSSH\ssh.exe, so that rules
// and prompts name programs as they do elsewhere. Windows' names have no case.
func programName(exe string) string {
	return strings.TrimSuffix(strings.ToLower(filepath.Base(exe)), ".exe")
}
