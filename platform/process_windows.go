package platform

import (
	"path/filepath"
	"strings"
	"unsafe"

	"golang.org/x/sys/windows"
)

// maxCommandLine bounds what is read of one command line, in bytes. Windows
// makes none of more than 32,767 characters.
const maxCommandLine = 2*32768 + 64

// look reads one process, which it holds meanwhile. A process of a higher rank
// can be looked at as well; one of another user cannot.
func look(pid, maxArgs, maxBytes int) (sighting, error) {
	process, err := windows.OpenProcess(windows.PROCESS_QUERY_LIMITED_INFORMATION, false, uint32(pid))
	if err != nil {
		return sighting{}, err
	}
	defer windows.CloseHandle(process)
	var basic windows.PROCESS_BASIC_INFORMATION
	if err := query(process, windows.ProcessBasicInformation, unsafe.Pointer(&basic), uint32(unsafe.Sizeof(basic)), nil); err != nil {
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
	p := Process{PID: pid, Start: ticks(made), Name: programName(exe), Executable: exe, Args: arguments(process, maxArgs, maxBytes)}
	return sighting{Process: p, parent: int(basic.InheritedFromUniqueProcessId)}, nil
}

func query(process windows.Handle, class int32, into unsafe.Pointer, size uint32, needed *uint32) error {
	return windows.NtQueryInformationProcess(process, class, into, size, needed)
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

// arguments takes the command line apart as programs do. Windows 8.1 and later
// tell it to whom may look at the process.
func arguments(process windows.Handle, maxArgs, maxBytes int) []string {
	if maxArgs == 0 {
		return nil
	}
	var size uint32
	_ = query(process, windows.ProcessCommandLineInformation, nil, 0, &size)
	if size == 0 || size > maxCommandLine {
		return nil
	}
	buf := make([]uint64, size/8+1) // numbers: what follows the header must not be taken for pointers
	defer clear(buf)
	if query(process, windows.ProcessCommandLineInformation, unsafe.Pointer(&buf[0]), size, nil) != nil {
		return nil
	}
	line := (*windows.NTUnicodeString)(unsafe.Pointer(&buf[0])).String()
	args, err := windows.DecomposeCommandLine(line)
	if err != nil {
		return nil
	}
	return clipArgs(args, maxArgs, maxBytes)
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
