//go:build unix

package platform

import (
	"math"

	"golang.org/x/sys/unix"
)

// MaxOpenFiles is how many descriptors this process may have. Go has raised
// the soft limit to the hard one by the time this runs.
func MaxOpenFiles() int {
	var limit unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &limit); err != nil || uint64(limit.Cur) > math.MaxInt32 {
		return math.MaxInt32
	}
	return int(limit.Cur)
}
