package session

import (
	"context"
	"errors"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// wakeUps gets a value after each sleep of the machine, and when the clock was set; nil
// where the system has no way. A sleep moves the wall clock against the one that stops, and
// timerfd_create(2) tells of that by ECANCELED (TFD_TIMER_CANCEL_ON_SET).
func wakeUps(ctx context.Context) <-chan struct{} {
	fd, err := unix.TimerfdCreate(unix.CLOCK_REALTIME, unix.TFD_CLOEXEC|unix.TFD_NONBLOCK)
	if err != nil {
		return nil
	}
	timer := os.NewFile(uintptr(fd), "timerfd")
	if err := waitForClock(timer); err != nil {
		_ = timer.Close()
		return nil
	}
	woken := make(chan struct{}, 1)
	stop := context.AfterFunc(ctx, func() { _ = timer.Close() })
	go func() {
		defer stop()
		defer timer.Close()
		for tellWakeUp(timer, woken) {
		}
	}()
	return woken
}

// tellWakeUp waits for one, and returns false when the timer was closed.
func tellWakeUp(timer *os.File, woken chan<- struct{}) bool {
	var expired [8]byte
	if _, err := timer.Read(expired[:]); err != nil && !errors.Is(err, unix.ECANCELED) {
		return false
	}
	select {
	case woken <- struct{}{}:
	default:
	}
	return waitForClock(timer) == nil
}

// far is how far away the moment is that the timer is set to: a wake-up a year is none.
const far = 365 * 24 * time.Hour

// waitForClock sets the timer. ECANCELED tells of a change since it was set last; the
// timer is set nevertheless.
func waitForClock(timer *os.File) error {
	raw, err := timer.SyscallConn()
	if err != nil {
		return err
	}
	var failed error
	err = raw.Control(func(fd uintptr) {
		when := unix.ItimerSpec{Value: unix.NsecToTimespec(time.Now().Add(far).UnixNano())}
		failed = unix.TimerfdSettime(int(fd), unix.TFD_TIMER_ABSTIME|unix.TFD_TIMER_CANCEL_ON_SET, &when, nil)
	})
	if errors.Is(failed, unix.ECANCELED) {
		failed = nil
	}
	return errors.Join(err, failed)
}
