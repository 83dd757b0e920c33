//go:build linux

package chaos

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// littleMemory is what the daemon may take more, at most, while memory is short. It meets
// that limit in some rounds, and then the kernel ends it.
const littleMemory = 12 << 20

// shortMemory leaves the daemon little more memory than it has: by a control group as root,
// else by a limit of the process. Without memory a daemon ends, as every program does;
// what it had promised must hold nevertheless.
func shortMemory(w *world, rng *rand.Rand) func() {
	pid, limit := w.daemon.pid(), 1<<20+rng.IntN(littleMemory)
	end := limitGroup(pid, limit)
	if end == nil {
		end = limitProcess(pid, limit)
	}
	return func() {
		end()
		w.starved = pid
	}
}

// limitGroup moves the process into a control group that may take so many bytes: what it
// has already is not counted. It returns nil where that is not possible.
func limitGroup(pid, limit int) (end func()) {
	home, parent, file := memoryGroups()
	group := filepath.Join(parent, "keybroker-chaos-"+strconv.Itoa(os.Getpid()))
	if home == "" || os.Mkdir(group, 0o700) != nil {
		return nil
	}
	move := func(group string) error {
		return os.WriteFile(filepath.Join(group, "cgroup.procs"), []byte(strconv.Itoa(pid)), 0)
	}
	err := os.WriteFile(filepath.Join(group, file), []byte(strconv.Itoa(limit)), 0)
	if err == nil {
		err = move(group)
	}
	end = func() {
		_ = move(home) // it may have ended
		_ = os.Remove(group)
	}
	if err != nil {
		end()
		return nil
	}
	return end
}

// memoryGroups returns the directory of this test's control group, that in which a new one
// may be made, and the name of the file with the limit (cgroups(7)). Version 1 has groups
// with processes and groups below them, version 2 has not. They are empty where no group
// governs memory.
func memoryGroups() (home, parent, limit string) {
	const root = "/sys/fs/cgroup"
	lines, _ := os.ReadFile("/proc/self/cgroup")
	for line := range strings.Lines(string(lines)) {
		fields := strings.SplitN(strings.TrimSpace(line), ":", 3)
		if len(fields) != 3 {
			continue
		}
		switch fields[1] {
		case "memory":
			home = filepath.Join(root, "memory", fields[2])
			return home, home, "memory.limit_in_bytes"
		case "":
			home, parent = filepath.Join(root, fields[2]), filepath.Join(root, filepath.Dir(fields[2]))
			controllers, _ := os.ReadFile(filepath.Join(parent, "cgroup.subtree_control"))
			if bytes.Contains(controllers, []byte("memory")) {
				return home, parent, "memory.max"
			}
		}
	}
	return "", "", ""
}

// limitProcess limits the data that the process has mapped (setrlimit(2)).
func limitProcess(pid, limit int) (end func()) {
	var before unix.Rlimit
	if unix.Prlimit(pid, unix.RLIMIT_DATA, nil, &before) != nil {
		return func() {} // it has just ended
	}
	var mapped int
	status, _ := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	for line := range strings.Lines(string(status)) {
		_, _ = fmt.Sscanf(line, "VmData: %d kB", &mapped)
	}
	little := before
	little.Cur = uint64(mapped<<10 + limit)
	_ = unix.Prlimit(pid, unix.RLIMIT_DATA, &little, nil)
	return func() { _ = unix.Prlimit(pid, unix.RLIMIT_DATA, &before, nil) }
}
