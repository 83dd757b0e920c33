package session

import (
	"time"

	"golang.org/x/sys/unix"
)

// asleep compares the clock that goes on during sleep with the one that stops
// (clock_gettime(2)).
func asleep() time.Duration {
	var with, without unix.Timespec
	if unix.ClockGettime(unix.CLOCK_BOOTTIME, &with) != nil || unix.ClockGettime(unix.CLOCK_MONOTONIC, &without) != nil {
		return 0
	}
	return time.Duration(with.Nano() - without.Nano())
}
