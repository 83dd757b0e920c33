package session

import (
	"context"
	"io"
	"log/slog"
	"sync/atomic"
	"testing"
	"time"
	"unsafe"

	"go.uber.org/goleak"
	"golang.org/x/sys/windows"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const patience = 30 * time.Second

// rig is a watcher whose window is told what Windows tells.
type rig struct {
	*testing.T
	events  chan Event
	watcher *Watcher
	asleep  atomic.Int64
	during  func(Event)
	window  uintptr
}

func newRig(t *testing.T, during func(Event)) *rig {
	t.Helper()
	r := &rig{T: t, events: make(chan Event, 100), during: during}
	r.watcher = New(Config{On: r.on, Log: slog.New(slog.NewTextHandler(io.Discard, nil)),
		Asleep: func() time.Duration { return time.Duration(r.asleep.Load()) }, Tick: time.Millisecond})
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() { defer close(done); r.watcher.Run(ctx) }()
	r.Cleanup(func() { cancel(); <-done })
	r.find()
	return r
}

// find waits until the window listens: one that could not be made is there for
// a moment, too.
func (r *rig) find() {
	r.Helper()
	r.await("the subscription", func() bool { return !r.noted(blind()[partWindows]) })
	r.await("the window", func() bool { r.window = findWindow(r.T); return r.window != 0 })
}

func (r *rig) on(e Event) {
	if r.during != nil {
		r.during(e)
	}
	r.events <- e
}

func (r *rig) noted(text string) bool {
	for _, note := range r.watcher.Status().Notes {
		if len(note) >= len(text) && note[:len(text)] == text {
			return true
		}
	}
	return false
}

func (r *rig) await(what string, done func() bool) {
	r.Helper()
	for end := time.Now().Add(patience); !done(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			r.Fatalf("waited in vain for %s: %+v", what, r.watcher.Status())
		}
	}
}

func (r *rig) want(kind Kind) Event {
	r.Helper()
	select {
	case e := <-r.events:
		if e.Kind != kind {
			r.Fatalf("%+v, want %q", e, kind)
		}
		return e
	case <-time.After(patience):
		r.Fatalf("waited in vain for %q", kind)
	}
	return Event{}
}

// findWindow looks on the desktop, then among the message-only ones.
func findWindow(t *testing.T) uintptr {
	name, err := windows.UTF16PtrFromString(className)
	if err != nil {
		t.Fatal(err)
	}
	for _, parent := range []uintptr{onDesktop, messageOnly} {
		if handle, _, _ := user32("FindWindowExW").Call(parent, 0, uintptr(unsafe.Pointer(name)), 0); handle != 0 {
			return handle
		}
	}
	return 0
}

func (r *rig) post(number uint32, what uintptr) {
	r.Helper()
	if ok, _, err := user32("PostMessageW").Call(r.window, uintptr(number), what, 0); ok == 0 {
		r.Fatal(err)
	}
}

// send returns what the window answers, when it does.
func (r *rig) send(number uint32, what uintptr) uintptr {
	answer, _, _ := user32("SendMessageW").Call(r.window, uintptr(number), what, 0)
	return answer
}

func TestScreenIsLocked(t *testing.T) {
	r := newRig(t, nil)
	r.post(wmSessionChange, sessionLock)
	if e := r.want(Lock); e.Again || e.Source != source {
		t.Errorf("%+v", e)
	}
	r.post(wmSessionChange, sessionLock)
	if e := r.want(Lock); !e.Again {
		t.Errorf("%+v", e)
	}
	if !r.watcher.Status().Locked {
		t.Error("not locked")
	}
	r.post(wmSessionChange, sessionUnlock)
	r.want(Unlock)
	if r.watcher.Status().Locked {
		t.Error("still locked")
	}
}

func TestDisconnectedSessionIsLocked(t *testing.T) {
	r := newRig(t, nil)
	for _, pair := range [][2]uintptr{{consoleDisconnect, consoleConnect}, {remoteDisconnect, remoteConnect}} {
		r.post(wmSessionChange, pair[0])
		r.want(Lock)
		r.post(wmSessionChange, sessionUnlock) // of another thing
		r.post(wmSessionChange, pair[1])
		r.want(Unlock)
	}
}

func TestSleepWaitsUntilAllIsDropped(t *testing.T) {
	var dropped atomic.Bool
	r := newRig(t, func(e Event) {
		if e.Kind == Suspend && e.Source == source {
			time.Sleep(100 * time.Millisecond) // what dropping takes
			dropped.Store(true)
		}
	})
	if answer := r.send(wmPowerBroadcast, powerSuspend); answer != handled || !dropped.Load() {
		t.Errorf("the answer is %d, all is dropped: %v", answer, dropped.Load())
	}
	r.want(Suspend)
	r.asleep.Store(int64(time.Hour)) // the clocks show it too
	r.send(wmPowerBroadcast, powerResumeAutomatic)
	for e := range r.events { // the clock may have been looked at before Windows spoke
		if e.Kind == Resume {
			break
		}
	}
}

func TestSessionEnd(t *testing.T) {
	r := newRig(t, nil)
	if answer := r.send(wmQueryEndSession, 0); answer != handled {
		t.Errorf("the session may not end: %d", answer)
	}
	if r.send(wmEndSession, 0); len(r.events) > 0 { // another program said no
		t.Errorf("%+v", <-r.events)
	}
	r.send(wmEndSession, 1)
	r.want(End)
	r.post(wmSessionChange, sessionLogoff)
	r.want(End)
}

func TestWindowStays(t *testing.T) {
	r := newRig(t, nil)
	r.send(wmClose, 0)
	r.post(wmSessionChange, sessionLock)
	r.want(Lock)
}

// TestWindowComesBack has somebody end the thread's messages.
func TestWindowComesBack(t *testing.T) {
	r := newRig(t, nil)
	r.post(wmQuit, 0)
	r.await("the window to go", func() bool { return r.noted(blind()[partWindows]) })
	r.find()
	r.post(wmSessionChange, sessionLock)
	r.want(Lock)
}

func TestClocks(t *testing.T) {
	if slept := asleep(); slept < -leastSleep || slept > 365*24*time.Hour {
		t.Errorf("the machine has slept for %v", slept)
	}
	before := asleep()
	if slept := asleep() - before; slept >= leastSleep {
		t.Errorf("and for %v in this moment", slept)
	}
}

// TestBroadcasts: a window on the desktop hears what is said to all, and one
// that has none says what it misses.
func TestBroadcasts(t *testing.T) {
	r := newRig(t, nil)
	if r.noted(blind()[partEnd]) {
		t.Skip("there is no desktop here (wine without DISPLAY): the note says so")
	}
	const toAll, abortIfHung = 0xffff, 2
	if ok, _, err := user32("SendMessageTimeoutW").Call(toAll, wmPowerBroadcast, powerSuspend, 0, abortIfHung, uintptr(patience.Milliseconds()), 0); ok == 0 {
		t.Fatal(err)
	}
	r.want(Suspend)
}
