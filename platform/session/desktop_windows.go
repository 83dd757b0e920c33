package session

import (
	"context"
	"errors"
)

// The parts that watchDesktop watches, as notes name them.
const (
	partWindows = "Windows"
	partEnd     = "end"
)

// source is who says that something happened.
const source = "Windows"

// blind is what is not noticed while a part cannot be reached.
func blind() map[string]string {
	return map[string]string{
		partWindows: "locking the screen is not noticed, and sleep is found only afterwards",
		partEnd:     "the end of the session is not noticed",
	}
}

// watchDesktop has a window that is never shown. Windows reports session events only as
// messages to windows, unless the program is a service.
func (w *Watcher) watchDesktop(ctx context.Context) {
	proc := newProcedure(w.message)
	w.keepListening(ctx, partWindows, func() error { return w.listenToWindow(ctx, proc) })
}

// listenToWindow returns when the window is gone. A window without a place on a desktop
// is the second choice: it gets no broadcasts.
func (w *Watcher) listenToWindow(ctx context.Context, proc procedure) error {
	return onOneThread(func() error {
		win, err := newWindow(proc, onDesktop)
		if err != nil {
			w.noteWhy(partEnd, err)
			win, err = newWindow(proc, messageOnly)
		} else {
			w.note(partEnd, "")
		}
		if err != nil {
			return err
		}
		defer win.close()
		if err := win.subscribe(); err != nil {
			return err
		}
		w.note(partWindows, "")
		defer context.AfterFunc(ctx, win.quit)()
		if err := win.loop(); err != nil {
			return err
		}
		return errors.New("somebody ended it")
	})
}

// Messages (winuser.h), and what their first parameter says.
const (
	wmQueryEndSession = 0x0011
	wmEndSession      = 0x0016
	wmPowerBroadcast  = 0x0218
	wmSessionChange   = 0x02b1

	powerSuspend         = 0x04 // PBT_APMSUSPEND
	powerResumeAutomatic = 0x12 // PBT_APMRESUMEAUTOMATIC: after every sleep

	consoleConnect    = 1 // WTS_CONSOLE_CONNECT
	consoleDisconnect = 2
	remoteConnect     = 3
	remoteDisconnect  = 4
	sessionLogoff     = 6
	sessionLock       = 7
	sessionUnlock     = 8
)

// message handles one message, and reports whether the system's own procedure must not
// see it. Windows waits for its return: up to two seconds before it sleeps, up to five
// before it ends the session.
//
// Any program of the user can send these messages. A false "locked" only costs another
// question; "unlocked" gives nothing back.
func (w *Watcher) message(number uint32, what uintptr) bool {
	switch number {
	case wmSessionChange:
		w.sessionChange(what)
	case wmPowerBroadcast:
		w.power(what)
	case wmEndSession:
		if what != 0 {
			w.emit(End, source)
		}
	case wmQueryEndSession:
	default:
		return false
	}
	return true
}

// sessionChange treats a disconnected session (a switched user, a closed remote
// desktop) as locked.
func (w *Watcher) sessionChange(what uintptr) {
	const disconnected = source + ", disconnected"
	switch what {
	case sessionLock, sessionUnlock:
		w.lockedBy(source, what == sessionLock)
	case consoleDisconnect, remoteDisconnect:
		w.lockedBy(disconnected, true)
	case consoleConnect, remoteConnect:
		w.lockedBy(disconnected, false)
	case sessionLogoff:
		w.emit(End, source)
	}
}

func (w *Watcher) power(what uintptr) {
	switch what {
	case powerSuspend:
		w.emit(Suspend, source)
	case powerResumeAutomatic:
		w.sleptSince() // told already
		w.emit(Resume, source)
	}
}
