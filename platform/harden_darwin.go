package platform

import "golang.org/x/sys/unix"

// harden denies debuggers and core files. macOS encrypts its swap. Not tested on macOS.
func harden() Hardening {
	var h Hardening
	if err := unix.PtraceDenyAttach(); err != nil {
		h.note("other programs of this user may trace this one", err)
	} else {
		h.NoDump = true
	}
	if err := unix.Setrlimit(unix.RLIMIT_CORE, &unix.Rlimit{}); err != nil {
		h.note("a crash may leave a core file", err)
	} else {
		h.NoCore = true
	}
	h.note("memory is not locked, the system encrypts its swap", nil)
	return h
}
