package confine

import (
	"errors"
	"os"
	"slices"

	"github.com/landlock-lsm/go-landlock/landlock"
	"github.com/landlock-lsm/go-landlock/landlock/syscall"
	"golang.org/x/sys/unix"
)

func program() error { return deny(foreign, ownLimits) }

func prompt(readable []string) error {
	return give(landlock.V7, slices.Concat(foreign, reaching, serving, attributes, older, signals, others), []only{ownThreads()}, landlock.RODirs(readable...).IgnoreIfMissing())
}

// tray keeps signals to its children by Landlock, from version 6 on, and lets the clipboard's program
// connect to an abstract socket: to libxcb before 1.17 a refusal there means that there is no display.
func tray(f Files, display uint16) error {
	config, sockets := landlock.V7, []only{ownLimits, localSockets}
	config.Scoped = syscall.ScopeSignal
	rules := []landlock.Rule{
		landlock.RODirs(f.Dirs...).IgnoreIfMissing(), landlock.ROFiles(f.Files...).IgnoreIfMissing(), landlock.RWFiles(os.DevNull),
	}
	if display != 0 {
		rules, sockets = append(rules, landlock.ConnectTCP(display)), sockets[:1]
	}
	return give(config, slices.Concat(foreign, serving, attributes, older, others), sockets, rules...)
}

// give asks Landlock for what the configuration has; an older kernel gives what it knows.
func give(config landlock.Config, calls []uint32, limited []only, rules ...landlock.Rule) error {
	offered := now()
	if err := config.BestEffort().Restrict(rules...); err != nil {
		return err
	}
	err := deny(calls, limited...)
	if errors.Is(err, unix.ENOSYS) || errors.Is(err, unix.EINVAL) { // a kernel without seccomp(2)
		err = nil
	}
	if err == nil && offered.Landlock > 0 && seesRoot() {
		err = errors.New("the kernel has Landlock, and it is not in force")
	}
	return err
}

// seesRoot tries what neither a font nor the clipboard needs.
func seesRoot() bool {
	root, err := os.Open("/")
	if err == nil {
		root.Close()
	}
	return err == nil
}

func now() Status {
	privileges, _ := unix.PrctlRetInt(unix.PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0)
	filter, _ := unix.PrctlRetInt(unix.PR_GET_SECCOMP, 0, 0, 0, 0)
	version, _, errno := unix.Syscall(unix.SYS_LANDLOCK_CREATE_RULESET, 0, 0, unix.LANDLOCK_CREATE_RULESET_VERSION)
	if errno != 0 {
		version = 0
	}
	return Status{NoNewPrivileges: privileges == 1, Seccomp: filter == unix.SECCOMP_MODE_FILTER, Landlock: int(version)}
}
