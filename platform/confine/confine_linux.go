package confine

import (
	"errors"
	"os"
	"slices"

	"github.com/landlock-lsm/go-landlock/landlock"
	"golang.org/x/sys/unix"
)

func program() error { return deny(foreign) }

// prompt asks Landlock for its newest interface that go-landlock knows; an older kernel gives
// what it has.
func prompt(readable []string) error {
	offered := now()
	if err := landlock.V7.BestEffort().Restrict(landlock.RODirs(readable...).IgnoreIfMissing()); err != nil {
		return err
	}
	err := denyOthers(slices.Concat(foreign, outside, attributes, older, others))
	if errors.Is(err, unix.ENOSYS) || errors.Is(err, unix.EINVAL) { // a kernel without seccomp(2)
		err = nil
	}
	if err == nil && offered.Landlock > 0 && seesRoot() {
		err = errors.New("the kernel has Landlock, and it is not in force")
	}
	return err
}

// seesRoot tries what no font needs.
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
