package session

import (
	"time"
	"unsafe"

	"golang.org/x/sys/windows"
)

// asleep compares the clock that goes on during sleep (GetTickCount64) with the
// one that stops (QueryUnbiasedInterruptTime, in units of 100 ns).
func asleep() time.Duration {
	var awake uint64
	proc := windows.NewLazySystemDLL("kernel32.dll").NewProc("QueryUnbiasedInterruptTime")
	if ok, _, _ := proc.Call(uintptr(unsafe.Pointer(&awake))); ok == 0 {
		return 0
	}
	return windows.DurationSinceBoot() - time.Duration(awake)*100
}
