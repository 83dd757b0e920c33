//go:build amd64 || arm64

package confine

import (
	"fmt"
	"os"
	"runtime"
	"unsafe"

	"golang.org/x/sys/unix"
)

// foreign are system calls that reach into other processes and the kernel.
var foreign = []uint32{
	unix.SYS_PTRACE, unix.SYS_PROCESS_VM_READV, unix.SYS_PROCESS_VM_WRITEV, unix.SYS_PIDFD_GETFD,
	unix.SYS_BPF, unix.SYS_PERF_EVENT_OPEN, unix.SYS_USERFAULTFD,
	unix.SYS_IO_URING_SETUP, unix.SYS_IO_URING_ENTER, unix.SYS_IO_URING_REGISTER, // they do what other filters deny
	unix.SYS_INIT_MODULE, unix.SYS_FINIT_MODULE, unix.SYS_DELETE_MODULE, unix.SYS_KEXEC_LOAD,
	unix.SYS_OPEN_BY_HANDLE_AT,
	unix.SYS_PROCESS_MADVISE, unix.SYS_MOVE_PAGES, unix.SYS_MIGRATE_PAGES, // of another process
	unix.SYS_SYSLOG, unix.SYS_SWAPON, unix.SYS_ACCT, // the kernel's log, and where memory could be written to
}

// reaching are the calls that start programs and connect. One of a pair of datagram sockets could
// send to the path of any other.
var reaching = []uint32{unix.SYS_EXECVE, unix.SYS_EXECVEAT, unix.SYS_SOCKET, unix.SYS_SOCKETPAIR, unix.SYS_CONNECT}

// serving are those that make a service, or another view of the system for a program.
var serving = []uint32{
	unix.SYS_BIND, unix.SYS_LISTEN, unix.SYS_ACCEPT, unix.SYS_ACCEPT4,
	unix.SYS_MOUNT, unix.SYS_UNSHARE, unix.SYS_SETNS, unix.SYS_PIVOT_ROOT, unix.SYS_CHROOT,
	unix.SYS_ADD_KEY, unix.SYS_REQUEST_KEY, unix.SYS_KEYCTL,
}

// attributes are the changes of a file that Landlock does not know: a private key could be given
// to other users by its path (landlock(7), "BUGS").
var attributes = []uint32{
	unix.SYS_FCHMOD, unix.SYS_FCHMODAT, unix.SYS_FCHMODAT2, unix.SYS_FCHOWN, unix.SYS_FCHOWNAT, unix.SYS_UTIMENSAT,
	unix.SYS_SETXATTR, unix.SYS_LSETXATTR, unix.SYS_FSETXATTR, unix.SYS_SETXATTRAT, unix.SYS_FILE_SETATTR,
	unix.SYS_REMOVEXATTR, unix.SYS_LREMOVEXATTR, unix.SYS_FREMOVEXATTR, unix.SYS_REMOVEXATTRAT,
}

// signals are those to other processes. The kill(2) of a child is among them.
var signals = []uint32{unix.SYS_KILL, unix.SYS_TKILL, unix.SYS_RT_SIGQUEUEINFO, unix.SYS_RT_TGSIGQUEUEINFO, unix.SYS_PIDFD_SEND_SIGNAL, unix.SYS_PRLIMIT64}

// others are the other changes of processes of the user.
var others = []uint32{
	unix.SYS_SETPRIORITY, unix.SYS_IOPRIO_SET,
	unix.SYS_SCHED_SETAFFINITY, unix.SYS_SCHED_SETATTR, unix.SYS_SCHED_SETPARAM, unix.SYS_SCHED_SETSCHEDULER,
}

// ownThreads keeps tgkill(2) to this process: Go's scheduler signals its own threads.
func ownThreads() only { return only{unix.SYS_TGKILL, uint32(os.Getpid())} }

// localSockets keeps sockets to those with a path, and ownLimits prlimit(2) to the process that calls it.
var (
	localSockets = only{unix.SYS_SOCKET, unix.AF_UNIX}
	ownLimits    = only{unix.SYS_PRLIMIT64, 0}
)

// only is a call that is allowed with one first argument.
type only struct{ call, first uint32 }

// Where struct seccomp_data has the number of the call, the architecture, and the low half of the
// first arguments (seccomp(2)).
const (
	callOffset   = 0
	archOffset   = 4
	firstOffset  = 16
	secondOffset = 24
)

// typing are the requests of ioctl(2) that put text into a terminal as if it were typed there: the
// shell that started the daemon would run it (TIOCSTI(2const), TIOCLINUX(2const)).
var typing = []uint32{unix.TIOCSTI, 0x541c}

// arches are those whose system calls the tables above number.
var arches = map[string]uint32{"amd64": unix.AUDIT_ARCH_X86_64, "arm64": unix.AUDIT_ARCH_AARCH64}

// x32 marks calls of amd64's second interface, which has the same calls under other numbers.
const x32 = 0x40000000

// deny has all threads of this process, and its children, get EPERM from the calls, and from the
// limited ones with another argument.
func deny(calls []uint32, limited ...only) error {
	return install(filterOf(arches[runtime.GOARCH], calls, limited))
}

func install(filter []unix.SockFilter) error {
	runtime.LockOSThread() // no_new_privs is a thread's; seccomp gives it to the others
	defer runtime.UnlockOSThread()
	if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
		return err
	}
	program := unix.SockFprog{Len: uint16(len(filter)), Filter: &filter[0]}
	thread, _, errno := unix.Syscall(unix.SYS_SECCOMP, unix.SECCOMP_SET_MODE_FILTER, unix.SECCOMP_FILTER_FLAG_TSYNC, uintptr(unsafe.Pointer(&program)))
	runtime.KeepAlive(filter)
	switch {
	case errno != 0:
		return errno
	case thread != 0: // of that one, and then of none
		return fmt.Errorf("thread %d has another seccomp filter", thread)
	}
	return nil
}

// filterOf allows every call but those and ioctl(2) for typing, and none of another architecture: i386 numbers them
// otherwise. A helper program for i386 does not run under it.
func filterOf(arch uint32, calls []uint32, limited []only) []unix.SockFilter {
	filter := []unix.SockFilter{
		load(archOffset),
		when(unix.BPF_JEQ, arch, 1), refuse,
		load(callOffset),
	}
	if arch == unix.AUDIT_ARCH_X86_64 {
		filter = append(filter, unless(unix.BPF_JGE, x32, 1), refuse)
	}
	for _, call := range calls {
		filter = append(filter, unless(unix.BPF_JEQ, call, 1), refuse)
	}
	for _, request := range typing {
		filter = append(filter, load(callOffset), unless(unix.BPF_JEQ, unix.SYS_IOCTL, 3), load(secondOffset), unless(unix.BPF_JEQ, request, 1), refuse)
	}
	for _, o := range limited {
		filter = append(filter, load(callOffset), unless(unix.BPF_JEQ, o.call, 3), load(firstOffset), when(unix.BPF_JEQ, o.first, 1), refuse)
	}
	return append(filter, unix.SockFilter{Code: unix.BPF_RET | unix.BPF_K, K: unix.SECCOMP_RET_ALLOW})
}

var refuse = unix.SockFilter{Code: unix.BPF_RET | unix.BPF_K, K: unix.SECCOMP_RET_ERRNO | uint32(unix.EPERM)}

func load(offset uint32) unix.SockFilter {
	return unix.SockFilter{Code: unix.BPF_LD | unix.BPF_W | unix.BPF_ABS, K: offset}
}

// when skips as many instructions when the test holds, and unless when it does not.
func when(test uint16, k uint32, skip uint8) unix.SockFilter {
	return unix.SockFilter{Code: unix.BPF_JMP | test | unix.BPF_K, Jt: skip, K: k}
}

func unless(test uint16, k uint32, skip uint8) unix.SockFilter {
	return unix.SockFilter{Code: unix.BPF_JMP | test | unix.BPF_K, Jf: skip, K: k}
}
