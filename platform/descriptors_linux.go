package platform

import (
	"math"

	"golang.org/x/sys/unix"
)

// KeepDescriptors makes the files that this process inherited, beside its
// standard three, end with it: a daemon that it starts must not hold a pipe
// open that somebody else waits for.
func KeepDescriptors() {
	_ = unix.CloseRange(3, math.MaxUint32, unix.CLOSE_RANGE_CLOEXEC) // Linux 5.11; before that they stay
}
