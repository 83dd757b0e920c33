// What clock_test.go adds to the time package: an offset of the wall clock alone.

package time

// wallOffset is added to each reading of the wall clock, in seconds. A word is read and
// written whole, and late by a moment does no harm.
var wallOffset int64

// SetWallOffset moves the wall clock.
func SetWallOffset(seconds int64) { wallOffset = seconds }

func movedNow() (sec int64, nsec int32, mono int64) {
	sec, nsec, mono = runtimeNow()
	return sec + wallOffset, nsec, mono
}
