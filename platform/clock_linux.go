package platform

import "golang.org/x/sys/unix"

// ClockSynchronized reports whether something keeps the system's clock right (adjtimex(2)).
// It is true where the system does not tell.
func ClockSynchronized() bool {
	state, err := unix.Adjtimex(&unix.Timex{})
	return err != nil || state != unix.TIME_ERROR
}
