package window

import (
	"unicode/utf8"

	"github.com/jezek/xgb/xproto"

	"github.com/keybroker/keybroker/desktop/question"
	"github.com/keybroker/keybroker/platform"
)

// entry is what the person types. It has one piece of memory that is never
// written to swap where the system allows it, and that is wiped.
type entry struct {
	text []byte
	free func()
}

func newEntry() *entry {
	memory, free := platform.LockedAlloc(question.MaxSecret)
	return &entry{text: memory[:0], free: free}
}

func (e *entry) count() int { return utf8.RuneCount(e.text) }

// wipe forgets everything; the entry must not be used afterwards.
func (e *entry) wipe() { e.free() }

// add appends a character, if there is room.
func (e *entry) add(r rune) bool {
	if len(e.text)+utf8.RuneLen(r) > cap(e.text) {
		return false
	}
	e.text = utf8.AppendRune(e.text, r)
	return true
}

// back takes the last character away.
func (e *entry) back() {
	_, size := utf8.DecodeLastRune(e.text)
	rest := len(e.text) - size
	clear(e.text[rest:])
	e.text = e.text[:rest]
}

func (e *entry) empty() {
	clear(e.text)
	e.text = e.text[:0]
}

// Why a key did nothing. A passphrase with a character too few would cost a try.
const (
	unknownKey = "That key is not known here. What you typed was removed: begin again."
	noRoom     = "That is too long. What you typed was removed."
)

// typed takes one key and returns what the person must know, or "".
func (e *entry) typed(sym xproto.Keysym, state uint16) (hint string) {
	control := state&(xproto.ModMaskControl|xproto.ModMask1|xproto.ModMask4) != 0
	r := character(sym)
	switch {
	case isModifier(sym):
	case sym == keyBackspace || sym == keyDelete:
		e.back()
	case control && (sym == 'u' || sym == 'U'):
		e.empty()
	case control:
	case r == 0 && !isFunction(sym) || r == utf8.RuneError: // a dead key, or of a script that is not known
		e.empty()
		return unknownKey
	case r == 0: // Tab, arrows and the like
	case !e.add(r):
		e.empty()
		return noRoom
	}
	if state&xproto.ModMaskLock != 0 {
		return "Caps Lock is on."
	}
	return ""
}
