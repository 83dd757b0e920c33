package platform

import (
	"bytes"
	"cmp"
	"fmt"
	"os"
	"path/filepath"
	"strconv"

	"github.com/keybroker/keybroker/problem"
	"golang.org/x/sys/unix"
)

// harden sets what prctl(2), getrlimit(2) and mlockall(2) offer. A process that is not
// dumpable is also safe from a crash handler in core_pattern, which ignores
// RLIMIT_CORE. Children get their own dumpable flag at exec but keep the limit.
func harden() Hardening {
	var h Hardening
	if err := unix.Prctl(unix.PR_SET_DUMPABLE, 0, 0, 0, 0); err != nil {
		h.note("other programs of this user may read the memory", err)
	} else {
		h.NoDump = true
	}
	if err := unix.Setrlimit(unix.RLIMIT_CORE, &unix.Rlimit{}); err != nil {
		h.note("a crash may leave a core file", err)
	} else {
		h.NoCore = true
	}
	h.lock()
	return h
}

// untraced fails where a thread of this process has a tracer (proc_pid_status(5),
// TracerPid). Once the process is not dumpable none can begin. A tracer in an
// outer pid namespace is not seen.
func untraced() error {
	threads, err := os.ReadDir("/proc/self/task")
	if err != nil || len(threads) == 0 {
		return problem.New("whether another program traces this one is not known: /proc cannot be read", "mount it: mount -t proc proc /proc")
	}
	for _, thread := range threads {
		status, err := os.ReadFile(filepath.Join("/proc/self/task", thread.Name(), "status"))
		if err != nil {
			continue // it has ended
		}
		if tracer := numberIn(status, "TracerPid:"); tracer != 0 {
			return problem.With(fmt.Errorf("another program traces this one and can read its memory: %s", tracerName(tracer)), "end that and start again")
		}
	}
	return nil
}

// tracerName names the process that a thread belongs to.
func tracerName(thread int) string {
	dir := fmt.Sprintf("/proc/%d/", thread)
	status, _ := os.ReadFile(dir + "status")
	name, _ := os.ReadFile(dir + "comm")
	return fmt.Sprintf("process %d, %s", cmp.Or(numberIn(status, "Tgid:"), thread), Escape(string(bytes.TrimSpace(name)), 16))
}

// numberIn is what a line of a thread's status says, 0 without the line.
func numberIn(status []byte, name string) int {
	for line := range bytes.Lines(status) {
		if value, ok := bytes.CutPrefix(line, []byte(name)); ok {
			number, _ := strconv.Atoi(string(bytes.TrimSpace(value)))
			return number
		}
	}
	return 0
}

// lock does nothing under a finite RLIMIT_MEMLOCK: with MCL_FUTURE the first allocation
// beyond the limit would end the process. MCL_ONFAULT spares the address space that Go
// reserves and never touches.
func (h *Hardening) lock() {
	const swap = "memory may be written to swap"
	var limit unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_MEMLOCK, &limit); err != nil {
		h.note(swap, err)
		return
	}
	if limit.Cur != limit.Max && limit.Max == unix.RLIM_INFINITY {
		limit.Cur = limit.Max
		_ = unix.Setrlimit(unix.RLIMIT_MEMLOCK, &limit) // what follows says if it failed
	}
	if limit.Cur != unix.RLIM_INFINITY {
		h.note(fmt.Sprintf("%s: only %d KiB may be locked. A user's unit cannot lift that limit; root can, for all of them: "+
			"LimitMEMLOCK=infinity in [Service], by systemctl edit user@.service", swap, limit.Cur>>10), nil)
		return
	}
	if err := unix.Mlockall(unix.MCL_CURRENT | unix.MCL_FUTURE | unix.MCL_ONFAULT); err != nil {
		h.note(swap, err)
		return
	}
	h.Locked = true
}

// lockedAlloc allocates whole pages. If there are none, it uses the heap instead of
// failing in the middle of a signature.
func lockedAlloc(n int) ([]byte, func()) {
	page := os.Getpagesize()
	pages, err := unix.Mmap(-1, 0, (n/page+1)*page, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_ANON|unix.MAP_PRIVATE)
	if err != nil {
		buf := make([]byte, n)
		return buf, func() { clear(buf) }
	}
	_ = unix.Mlock(pages) // RLIMIT_MEMLOCK may be used up; Harden reports it
	_ = unix.Madvise(pages, unix.MADV_DONTDUMP)
	return pages[:n:n], func() {
		clear(pages)
		if pages != nil {
			_ = unix.Munmap(pages)
			pages = nil
		}
	}
}
