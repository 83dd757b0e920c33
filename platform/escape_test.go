package platform

import (
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"
)

func TestEscape(t *testing.T) {
	for _, test := range []struct {
		in   string
		max  int
		want string
	}{
		{"ssh -p 22 host", 80, "ssh -p 22 host"},
		{"", 5, ""},
		{"grüße, 世界 🙂", 80, "grüße, 世界 🙂"},
		{"a\x1b[31mb\r\n\t\x00\x7f", 80, `a\x1b[31mb\x0d\x0a\x09\x00\x7f`},
		{"a\u009bb\u0085", 80, `a\u009bb\u0085`},                         // C1 controls
		{"a\u202ebad\u2066", 80, `a\u202ebad\u2066`},                     // bidi
		{"a\u200bb\u200d\ufeff\u00ad", 80, `a\u200bb\u200d\ufeff\u00ad`}, // zero width
		{"a\u2028b\u2029", 80, `a\u2028b\u2029`},
		{"a\u00a0b\u3000", 80, `a\u00a0b\u3000`},                       // spaces that are not the space
		{"a\u3164\u115f\u2800\ufe0f", 80, `a\u3164\u115f\u2800\ufe0f`}, // letters, a symbol and a mark that show nothing
		{"\U000e0041\U0010ffff", 80, `\U000e0041\U0010ffff`},
		{"a\xff\xe2\x80", 80, `a\xff\xe2\x80`},
		{`C:\x1b`, 80, `C:\x1b`},
		{"e\u0301", 80, "e\u0301"},
		{"\u0301e", 80, `\u0301e`}, // would sit on what stands before
		{"e" + strings.Repeat("\u0301", 6), 80, "e" + strings.Repeat("\u0301", 4) + `\u0301\u0301`},
		{"0123456789", 10, "0123456789"},
		{"0123456789a", 10, "01234…789a"},
		{"0123456789", 4, "01…9"},
		{"0123456789", 2, "0…"},
		{"0123456789", 1, "…"},
		{"0123456789", 0, ""},
		{"0123456789", -1, ""},
		{"ab\x1bcd", 7, "ab…cd"}, // eight: the escape goes as a whole
		{"\x1b\x1b\x1b", 5, "…"},
	} {
		if got := Escape(test.in, test.max); got != test.want {
			t.Errorf("Escape(%q, %d) = %q; want %q", test.in, test.max, got, test.want)
		}
	}
}

func FuzzEscape(f *testing.F) {
	seeds := []string{
		"", "ssh host", "\x1b]0;title\x07", "a\u202eb", "\xff\xfe\xe2\x80", "e\u0301\u0301\u0301\u0301\u0301\u0301",
		strings.Repeat("世", 50), "\U000e0041", "…", `\x1b`, "a\u200b\u2028\u3164", "x\x80\u0301\u0301",
	}
	if len(seeds) == 0 {
		f.Fatal("no seeds")
	}
	for i, seed := range seeds {
		f.Add(seed, i)
		f.Add(seed, 200)
	}
	f.Fuzz(func(t *testing.T, in string, limit int) {
		out := Escape(in, limit)
		if n := utf8.RuneCountInString(out); n > max(limit, 0) {
			t.Errorf("%d runes; want at most %d", n, limit)
		}
		if !utf8.ValidString(out) {
			t.Errorf("%q is not valid UTF-8", out)
		}
		for _, r := range out {
			if !unicode.IsPrint(r) || unicode.In(r, unicode.Cf, unicode.Zl, unicode.Zp, unicode.Bidi_Control, unicode.Variation_Selector) {
				t.Errorf("%q holds %U", out, r)
			}
		}
		if again := Escape(out, limit); again != out {
			t.Errorf("a second time: %q, then %q", out, again)
		}
		if limit > 0 && in != "" && out == "" {
			t.Error("nothing left")
		}
	})
}
