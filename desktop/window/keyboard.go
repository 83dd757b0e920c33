package window

import (
	"github.com/jezek/xgb/xproto"
	"golang.org/x/text/encoding/charmap"
)

// Keysyms with a function (X protocol, appendix A).
const (
	keyBackspace = 0xff08
	keyTab       = 0xff09
	keyBackTab   = 0xfe20 // Tab with Shift
	keySpace     = 0x20
	keyReturn    = 0xff0d
	keyEscape    = 0xff1b
	keyKPEnter   = 0xff8d
	keyNumLock   = 0xff7f
	keyDelete    = 0xffff
	keyEuro      = 0x20ac
)

// keyboard turns key codes into keysyms and characters. It knows two groups and AltGr,
// as the core protocol describes them, but no dead keys or input methods: the person
// is told about such a key.
type keyboard struct {
	first   xproto.Keycode
	perCode int
	keysyms []xproto.Keysym
	numLock uint16 // the modifier bit of NumLock
}

func newKeyboard(d *display) (*keyboard, error) {
	low, high := d.setup.MinKeycode, d.setup.MaxKeycode
	reply, err := xproto.GetKeyboardMapping(d.Conn, low, byte(high-low+1)).Reply()
	if err != nil {
		return nil, err
	}
	k := &keyboard{first: low, perCode: int(reply.KeysymsPerKeycode), keysyms: reply.Keysyms}
	modifiers, err := xproto.GetModifierMapping(d.Conn).Reply()
	if err != nil {
		return nil, err
	}
	per := int(modifiers.KeycodesPerModifier)
	for i, code := range modifiers.Keycodes {
		if code != 0 && k.lookup(code, 0) == keyNumLock {
			k.numLock = 1 << (i / per)
		}
	}
	return k, nil
}

func (k *keyboard) lookup(code xproto.Keycode, column int) xproto.Keysym {
	i := int(code) - int(k.first)
	if i < 0 || column >= k.perCode || (i+1)*k.perCode > len(k.keysyms) {
		return 0
	}
	return k.keysyms[i*k.perCode+column]
}

// The group is in bits 13 and 14 of a state (XKB protocol, section 2.2.2). AltGr is
// modifier 5 wherever XKB runs.
const (
	groupBits = 0x6000
	altGr     = xproto.ModMask5
)

// keysym follows the X protocol, section 5 "Keyboards".
func (k *keyboard) keysym(code xproto.Keycode, state uint16) xproto.Keysym {
	column := 0
	if state&groupBits != 0 {
		column = 2
	}
	if state&altGr != 0 && k.perCode > 4 {
		if sym := k.lookup(code, column/2*2+4); sym != 0 {
			column = column/2*2 + 4
		}
	}
	plain, shifted := k.lookup(code, column), k.lookup(code, column+1)
	if plain == 0 && column > 0 {
		plain, shifted = k.lookup(code, 0), k.lookup(code, 1)
	}
	if shifted == 0 {
		shifted = plain
	}
	shift := state&xproto.ModMaskShift != 0
	switch {
	case state&k.numLock != 0 && isKeypad(shifted):
		shift = !shift
	case state&xproto.ModMaskLock != 0 && isLetter(plain):
		shift = !shift
	}
	if shift {
		return shifted
	}
	return plain
}

func isKeypad(sym xproto.Keysym) bool { return sym >= 0xff80 && sym <= 0xffbd }

func isLetter(sym xproto.Keysym) bool {
	r := character(sym)
	return r != 0 && (r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r > 0x7f)
}

// isModifier reports whether a key is held while another one is pressed.
func isModifier(sym xproto.Keysym) bool {
	return sym >= 0xffe1 && sym <= 0xffee || sym >= 0xfe01 && sym <= 0xfe0f || sym == 0xff7e || sym == keyNumLock
}

// isFunction reports whether a key types nothing: Tab, arrows, F1, and the keys for
// sound and brightness.
func isFunction(sym xproto.Keysym) bool { return sym >= 0xff00 && sym <= 0xffff || sym>>16 == 0x1008 }

// tables are the older blocks of keysyms, whose low byte is a code of an 8-bit
// character set.
var tables = map[xproto.Keysym]*charmap.Charmap{
	0x1: charmap.ISO8859_2, 0x2: charmap.ISO8859_3, 0x3: charmap.ISO8859_4, 0x5: charmap.ISO8859_6,
	0x6: charmap.KOI8R, 0x7: charmap.ISO8859_7, 0xc: charmap.ISO8859_8, 0xd: charmap.Windows874,
}

// character is what a keysym types; 0: nothing.
func character(sym xproto.Keysym) rune {
	switch {
	case sym >= 0x20 && sym <= 0x7e, sym >= 0xa0 && sym <= 0xff, sym == keyEuro:
		return rune(sym)
	case sym >= 0x1000100 && sym <= 0x110ffff:
		return rune(sym - 0x1000000)
	case sym >= 0xffaa && sym <= 0xffb9: // keypad: * + , - . / 0 … 9
		return rune(sym - 0xff80)
	case sym >= 0x6a1 && sym <= 0x6bf:
		return cyrillic[sym]
	}
	if table := tables[sym>>8]; table != nil && sym&0xff >= 0xa0 {
		return table.DecodeByte(byte(sym))
	}
	return 0
}

// cyrillic are the letters of this block that KOI8-R has elsewhere or not at all.
var cyrillic = map[xproto.Keysym]rune{
	0x6a1: 'ђ', 0x6a2: 'ѓ', 0x6a3: 'ё', 0x6a4: 'є', 0x6a5: 'ѕ', 0x6a6: 'і', 0x6a7: 'ї', 0x6a8: 'ј', 0x6a9: 'љ',
	0x6aa: 'њ', 0x6ab: 'ћ', 0x6ac: 'ќ', 0x6ad: 'ґ', 0x6ae: 'ў', 0x6af: 'џ', 0x6b0: '№',
	0x6b1: 'Ђ', 0x6b2: 'Ѓ', 0x6b3: 'Ё', 0x6b4: 'Є', 0x6b5: 'Ѕ', 0x6b6: 'І', 0x6b7: 'Ї', 0x6b8: 'Ј', 0x6b9: 'Љ',
	0x6ba: 'Њ', 0x6bb: 'Ћ', 0x6bc: 'Ќ', 0x6bd: 'Ґ', 0x6be: 'Ў', 0x6bf: 'Џ',
}
