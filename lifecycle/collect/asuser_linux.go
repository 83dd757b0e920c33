package collect

import (
	"fmt"
	"os/user"
	"runtime"
	"strconv"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

const nonblock = syscall.O_NONBLOCK

// asUser calls read on a thread that has a user's rights to files, and no others: as
// sshd reads authorized_keys. A link that the user made to a file of somebody else then
// leads to nothing that the user could not read without us (CVE-2026-11837). The user
// cannot reach the process itself, whose identity stays root's. Capabilities over files
// go with the file system identity (capabilities(7)).
func asUser(account account, read func() []file) (files []file, err error) {
	groups, err := groupsOf(account)
	if err != nil {
		return nil, err
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		runtime.LockOSThread() // and never unlocked: the thread ends with its rights
		if err = takeRights(account, groups); err == nil {
			files = read()
		}
	}()
	<-done
	return files, err
}

// takeRights changes this thread alone.
func takeRights(account account, groups []uint32) error {
	var first unsafe.Pointer
	if len(groups) > 0 {
		first = unsafe.Pointer(&groups[0])
	}
	if _, _, errno := syscall.RawSyscall(unix.SYS_SETGROUPS, uintptr(len(groups)), uintptr(first), 0); errno != 0 {
		return fmt.Errorf("setgroups: %w", errno)
	}
	// setfsgid and setfsuid say nothing of a failure: the second call returns what holds.
	unix.RawSyscall(unix.SYS_SETFSGID, uintptr(account.gid), 0, 0)
	unix.RawSyscall(unix.SYS_SETFSUID, uintptr(account.uid), 0, 0)
	gid, _, _ := unix.RawSyscall(unix.SYS_SETFSGID, ^uintptr(0), 0, 0)
	uid, _, _ := unix.RawSyscall(unix.SYS_SETFSUID, ^uintptr(0), 0, 0)
	if int(gid) != account.gid || int(uid) != account.uid {
		return fmt.Errorf("the rights are those of uid %d, gid %d", int(uid), int(gid))
	}
	return nil
}

// groupsOf are the account's groups. A user that only passwd names has the one there.
func groupsOf(account account) ([]uint32, error) {
	groups := []uint32{uint32(account.gid)}
	known, err := user.Lookup(account.name)
	if err != nil {
		return groups, nil
	}
	names, err := known.GroupIds()
	for _, name := range names {
		if gid, err := strconv.ParseUint(name, 10, 32); err == nil {
			groups = append(groups, uint32(gid))
		}
	}
	return groups, err
}
