package window

import (
	"image"
	"slices"
	"strings"
	"testing"

	"github.com/jezek/xgb/xproto"

	"github.com/keybroker/keybroker/desktop/question"
)

func newPen(t *testing.T, dirs ...string) *pen {
	t.Helper()
	f, err := newFonts()
	if err != nil {
		t.Fatal(err)
	}
	f.dirs = dirs
	return &pen{fonts: f, glyphs: map[glyphKey]glyph{}}
}

// Only words of right-to-left scripts are reversed, and nothing else moves.
func TestClusters(t *testing.T) {
	for text, want := range map[string]string{
		"abc":           "abc",
		"ab שלום cd":    "ab םולש cd",
		"אב גד":         "בא דג", // each word by itself
		"(אב)":          "(בא)",
		"e\u0301a":      "e\u0301a",
		"א\u05b8ב":      "בא\u05b8", // the mark stays on its letter
		"a\u0627\u0628": "a\u0628\u0627",
	} {
		if got := strings.Join(clusters(text), ""); got != want {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
}

func TestWrapLosesNothing(t *testing.T) {
	p := newPen(t)
	l := textStyle{size: 14}
	for _, text := range []string{"", "short", "some words that are too long for one line of it", strings.Repeat("W", 100), "a " + strings.Repeat("x", 60) + " b", "  two  spaces"} {
		lines := p.wrap(text, 120, l)
		if got := strings.Join(lines, ""); strings.ReplaceAll(got, " ", "") != strings.ReplaceAll(text, " ", "") {
			t.Errorf("%q became %q", text, lines)
		}
		for _, line := range lines {
			if p.width(line, l) > 120 {
				t.Errorf("%q is %d wide", line, p.width(line, l))
			}
		}
	}
}

// A character that no font has is drawn as a frame with its code point: two such
// characters differ, and none is invisible.
func TestMissingGlyphs(t *testing.T) {
	p := newPen(t) // no fonts but the built-in one
	l := textStyle{size: 15}
	a, b := p.glyph('日', l), p.glyph('本', l)
	if a.mask == nil || b.mask == nil || slices.Equal(a.mask.Pix, b.mask.Pix) {
		t.Error("missing characters look the same")
	}
	if a.advance == 0 || p.glyph('ж', l).mask == nil {
		t.Error("a character takes no space")
	}
}

func TestFallbackFonts(t *testing.T) {
	if len(fallbackFiles(fontDirs)) == 0 {
		t.Skip("no fonts are installed: make deps")
	}
	with, without := newPen(t, fontDirs...), newPen(t)
	l := textStyle{size: 15}
	const alef = 'א'
	if slices.Equal(with.glyph(alef, l).mask.Pix, without.glyph(alef, l).mask.Pix) {
		t.Error("the installed fonts are not used")
	}
}

func TestLayOut(t *testing.T) {
	p := newPen(t)
	q := question.Question{Kind: question.Confirm, Title: "Log in?", For: "15 minutes", Grant: "this", Pause: "10 minutes"}
	for range 8 {
		q.Rows = append(q.Rows, question.Line{Label: "What", Mark: question.Claimed, Text: strings.Repeat("word ", 20)})
	}
	s, err := layOut(q, p, light, 1, image.Pt(1920, 1080))
	if err != nil || s.zoom != 1 {
		t.Fatalf("zoom %v, %v", s, err)
	}
	all := image.Rectangle{Max: s.size}
	var places []image.Rectangle
	for _, b := range s.buttons {
		places = append(places, b.at)
	}
	if len(places) != 4 {
		t.Errorf("%d buttons", len(places))
	}
	for i, a := range append(places, s.bar) {
		if !a.In(all) || a.Empty() {
			t.Errorf("%v is not within %v", a, all)
		}
		for _, b := range places[:min(i, len(places))] {
			if a.Overlaps(b) {
				t.Errorf("%v and %v overlap", a, b)
			}
		}
	}
	if small, err := layOut(q, p, light, 1, s.size.Sub(image.Pt(60, 60))); err != nil || small.zoom >= 1 {
		t.Errorf("on a smaller screen: %v", err)
	}
	if _, err := layOut(q, p, light, 1, image.Pt(500, 200)); err != errTooLarge {
		t.Errorf("a sheet that does not fit is laid out: %v", err)
	}
}

// No two marks look alike.
func TestMarksAreNotAlike(t *testing.T) {
	marks := []question.Mark{question.Verified, question.New, question.Claimed, question.Unknown, question.Forwarded, question.OtherName}
	for i, a := range marks {
		for _, b := range marks[:i] {
			x, y := badges[a], badges[b]
			if x.back == y.back || x.sign == y.sign || a == b {
				t.Errorf("%s and %s look alike", a, b)
			}
		}
	}
	for _, mark := range marks {
		if badges[mark].pointed == (mark == question.Verified) {
			t.Errorf("%s: only the verified mark may be round", mark)
		}
	}
}

func TestNoticeAllowsNothing(t *testing.T) {
	left, right := choices(question.Question{Kind: question.Notice, For: "15 minutes", Pause: "x"})
	if len(right) != 0 || len(left) != 1 || left[0].word != question.Deny {
		t.Errorf("%v, %v", left, right)
	}
	left, right = choices(question.Question{Kind: question.Confirm})
	for _, b := range append(left, right...) {
		if (b.word == question.AllowOnce || b.word == question.AllowFor) && !b.needsArming {
			t.Errorf("%q allows and needs no arming", b.label)
		}
		if b.word == question.AllowFor || b.word == question.DenyFor {
			t.Errorf("%q was not offered", b.label)
		}
	}
}

func TestNumber(t *testing.T) {
	for text, want := range map[string]float64{"1.5": 1.5, " 144 ": 144, "": 0, "large": 0, "NaN": 0} {
		if got := number(text); got != want {
			t.Errorf("%q: %v, want %v", text, got, want)
		}
	}
}

func TestCharacters(t *testing.T) {
	for sym, want := range map[xproto.Keysym]rune{
		'a': 'a', 0xe9: 'é', 0x20ac: '€', 0x1000416: 'Ж', 0x6d6: 'ж', 0x6f6: 'Ж', 0x6a3: 'ё', 0x7e1: 'α', 0x1b1: 'ą', 0xce0: 'א',
		0xffb7: '7', 0xffae: '.', keyReturn: 0, keyEscape: 0, 0xfe51: 0 /* dead_acute */, 0xff09: 0, 0xffe1: 0,
	} {
		if got := character(sym); got != want {
			t.Errorf("%#x: %q, want %q", sym, got, want)
		}
	}
}

func TestEntry(t *testing.T) {
	e := newEntry()
	defer e.wipe()
	for _, r := range "aé€" {
		e.add(r)
	}
	e.backspace()
	if string(e.text) != "aé" || e.count() != 2 {
		t.Errorf("%q", e.text)
	}
	if rest := e.text[:cap(e.text)][len(e.text):][:3]; string(rest) != "\x00\x00\x00" {
		t.Errorf("the removed character is still in memory: %q", rest)
	}
	e.backspace()
	e.backspace()
	e.backspace()
	if e.count() != 0 {
		t.Error("not empty")
	}
	for range question.MaxSecret {
		if hint := e.handleKey('x', 0); hint != "" {
			t.Fatal(hint)
		}
	}
	if hint := e.handleKey('x', 0); hint != noRoom || e.count() != 0 {
		t.Errorf("%q, %d left", hint, e.count())
	}
	for _, sym := range []xproto.Keysym{0, 0xffffff, 0xfe51, 0x1b0ffff} {
		e.handleKey('x', 0)
		if hint := e.handleKey(sym, 0); hint != unknownKey || e.count() != 0 {
			t.Errorf("%#x: %q, %d left", sym, hint, e.count())
		}
	}
	for _, sym := range []xproto.Keysym{0xff09, 0xffe1, 0xff7f, 0x1008ff11} {
		if hint := e.handleKey(sym, 0); hint != "" {
			t.Errorf("%#x: %q", sym, hint)
		}
	}
	e.handleKey('x', 0)
	if hint := e.handleKey(0xfe51, 0); hint != unknownKey || e.count() != 0 {
		t.Errorf("a dead key: %q, %d left", hint, e.count())
	}
}
