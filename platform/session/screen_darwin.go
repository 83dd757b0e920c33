package session

import (
	"context"
	"time"
)

// The key of CGSessionCopyCurrentDictionary that is there while the screen is locked.
const screenIsLocked = "CGSSessionScreenIsLocked"

// screen asks the window server. The notifications com.apple.screenIsLocked and
// screenIsUnlocked say the same at once, but come to the run loop of the main
// thread only, which a Go program does not run.
type screen struct {
	newString  func(allocator uintptr, text string, encoding uint32) uintptr
	release    func(object uintptr)
	get        func(dictionary, key uintptr) uintptr
	isTrue     func(boolean uintptr) bool
	dictionary func() uintptr
}

func newScreen() (*screen, error) {
	s := new(screen)
	err := bind(coreFoundation, map[string]any{
		"CFStringCreateWithCString": &s.newString, "CFRelease": &s.release,
		"CFDictionaryGetValue": &s.get, "CFBooleanGetValue": &s.isTrue,
	})
	if err == nil {
		err = bind(coreGraphics, map[string]any{"CGSessionCopyCurrentDictionary": &s.dictionary})
	}
	return s, err
}

// watchScreen looks at every tick.
func (w *Watcher) watchScreen(ctx context.Context) error {
	s, err := newScreen()
	if err != nil {
		return err
	}
	w.note(partScreen, "")
	ticker := time.NewTicker(w.Tick)
	defer ticker.Stop()
	for before := false; ; {
		if now := s.locked(); now != before {
			w.lockedBy(source, now)
			before = now
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-ticker.C:
		}
	}
}

// locked returns false without a desktop.
func (s *screen) locked() bool {
	session := s.dictionary()
	if session == 0 {
		return false
	}
	defer s.release(session)
	key := s.newString(0, screenIsLocked, utf8)
	if key == 0 {
		return false
	}
	defer s.release(key)
	value := s.get(session, key)
	return value != 0 && s.isTrue(value)
}
