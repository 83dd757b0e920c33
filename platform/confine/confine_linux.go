package confine

import (
	"errors"
	"slices"

	"github.com/landlock-lsm/go-landlock/landlock"
	"golang.org/x/sys/unix"
)

func program() error { return deny(foreign) }

// prompt asks Landlock for its newest interface that go-landlock knows; an older kernel gives
// what it has.
func prompt(readable []string) error {
	paths := landlock.V7.BestEffort().Restrict(landlock.RODirs(readable...).IgnoreIfMissing())
	return errors.Join(paths, denyOthers(slices.Concat(foreign, outside, attributes, older, others)))
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
