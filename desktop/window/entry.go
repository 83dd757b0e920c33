package window

import (
	"unicode/utf8"

	"github.com/jezek/xgb/xproto"

	"github.com/keybroker/keybroker/desktop/question"
	"github.com/keybroker/keybroker/platform"
)

// entry holds what the person types, in memory that is wiped and, where the system
// allows it, never written to swap.
type entry struct {
	text []byte
	free func()
}

func newEntry() *entry {
	memory, free := platform.LockedAlloc(question.MaxSecret)
	return &entry{text: memory[:0], free: free}
}

func (e *entry) count() int { return utf8.RuneCount(e.text) }

// wipe clears and frees the memory; the entry must not be used afterwards.
func (e *entry) wipe() { e.free() }

// add appends a character, if there is room.
func (e *entry) add(r rune) bool {
	if len(e.text)+utf8.RuneLen(r) > cap(e.text) {
		return false
	}
	e.text = utf8.AppendRune(e.text, r)
	return true
}

// backspace removes the last character.
func (e *entry) backspace() {
	_, size := utf8.DecodeLastRune(e.text)
	rest := len(e.text) - size
	clear(e.text[rest:])
	e.text = e.text[:rest]
}

func (e *entry) clear() {
	clear(e.text)
	e.text = e.text[:0]
}

// Why a key did nothing. A passphrase with a character missing would cost a try.
const (
	unknownKey = "This window does not know that key. What you typed was removed: start again."
	noRoom     = "That is too long. What you typed was removed: start again."
)

// handleKey takes one key and returns a hint for the person, or "".
func (e *entry) handleKey(sym xproto.Keysym, state uint16) (hint string) {
	control := state&(xproto.ModMaskControl|xproto.ModMask1|xproto.ModMask4) != 0
	r := character(sym)
	switch {
	case isModifier(sym):
	case sym == keyBackspace || sym == keyDelete:
		e.backspace()
	case control && (sym == 'u' || sym == 'U'):
		e.clear()
	case control:
	case r == 0 && !isFunction(sym) || r == utf8.RuneError: // a dead key or an unknown script
		e.clear()
		return unknownKey
	case r == 0: // Tab, arrows and the like
	case !e.add(r):
		e.clear()
		return noRoom
	}
	if state&xproto.ModMaskLock != 0 {
		return "Caps Lock is on."
	}
	return ""
}
