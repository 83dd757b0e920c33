package session

import (
	"context"
	"errors"
	"runtime"
	"time"

	"github.com/ebitengine/purego"
)

// Messages of IORegisterForSystemPower (IOKit/IOMessage.h).
const (
	canSystemSleep     = 0xe0000270
	systemWillSleep    = 0xe0000280
	systemHasPoweredOn = 0xe0000300
)

// stopAgain is the pause between two attempts to stop a run loop.
const stopAgain = 100 * time.Millisecond

// The mode of a run loop, kCFRunLoopDefaultMode; its value is its name.
const defaultMode = "kCFRunLoopDefaultMode"

// power is notified before sleep begins. The system waits up to 30 seconds for the
// answer.
type power struct {
	w        *Watcher
	callback uintptr // the system cannot free it, so one serves every listen
	port     uint32  // to answer with

	register  func(context uintptr, notifications *uintptr, callback uintptr, notifier *uint32) uint32
	forget    func(notifier *uint32) int32
	closePort func(port uint32) int32
	allow     func(port uint32, notification uintptr) int32
	sourceOf  func(notifications uintptr) uintptr
	destroy   func(notifications uintptr)

	newString func(allocator uintptr, text string, encoding uint32) uintptr
	release   func(object uintptr)
	loop      func() uintptr
	addSource func(loop, source, mode uintptr)
	run       func()
	stop      func(loop uintptr)
}

func newPowerCallback(w *Watcher) *power {
	p := &power{w: w}
	p.callback = purego.NewCallback(func(_ uintptr, _ uint32, message uint32, argument uintptr) uintptr {
		p.message(message, argument)
		return 0
	})
	return p
}

func (p *power) bind() error {
	err := bind(ioKit, map[string]any{
		"IORegisterForSystemPower": &p.register, "IODeregisterForSystemPower": &p.forget,
		"IOServiceClose": &p.closePort, "IOAllowPowerChange": &p.allow,
		"IONotificationPortGetRunLoopSource": &p.sourceOf, "IONotificationPortDestroy": &p.destroy,
	})
	if err != nil {
		return err
	}
	return bind(coreFoundation, map[string]any{
		"CFStringCreateWithCString": &p.newString, "CFRelease": &p.release,
		"CFRunLoopGetCurrent": &p.loop, "CFRunLoopAddSource": &p.addSource, "CFRunLoopRun": &p.run, "CFRunLoopStop": &p.stop,
	})
}

// listen runs a loop on its own thread until ctx ends.
func (p *power) listen(ctx context.Context) error {
	if err := p.bind(); err != nil {
		return err
	}
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	var notifications uintptr
	var notifier uint32
	if p.port = p.register(0, &notifications, p.callback, &notifier); p.port == 0 {
		return errors.New("IORegisterForSystemPower failed")
	}
	defer func() {
		p.forget(&notifier)
		p.closePort(p.port)
		p.destroy(notifications)
	}()
	mode := p.newString(0, defaultMode, utf8)
	defer p.release(mode)
	loop := p.loop()
	p.addSource(loop, p.sourceOf(notifications), mode)
	p.w.note(partPower, "")
	ended := make(chan struct{})
	defer close(ended)
	defer context.AfterFunc(ctx, func() { p.stopUntil(ended, loop) })()
	p.run()
	return errors.New("the run loop ended")
}

// stopUntil repeats the request: a loop that does not run yet ignores it.
func (p *power) stopUntil(ended <-chan struct{}, loop uintptr) {
	for {
		p.stop(loop)
		select {
		case <-ended:
			return
		case <-time.After(stopAgain):
		}
	}
}

// message drops keys and PINs before it lets the machine sleep.
func (p *power) message(message uint32, argument uintptr) {
	switch message {
	case canSystemSleep:
		p.allow(p.port, argument)
	case systemWillSleep:
		p.w.emit(Suspend, source)
		p.allow(p.port, argument)
	case systemHasPoweredOn:
		p.w.sleptSince() // told already
		p.w.emit(Resume, source)
	}
}
