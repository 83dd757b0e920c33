package ascii

import "testing"

func TestLower(t *testing.T) {
	for text, want := range map[string]string{
		"": "", "git": "git", "GIT.Example@[Z`{": "git.example@[z`{", "\u212ait": "\u212ait", "İ": "İ", "É": "É", "\xc1A\xf8": "\xc1a\xf8",
	} {
		if got := Lower(text); got != want {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
	if n := testing.AllocsPerRun(10, func() { Lower("git.example") }); n != 0 {
		t.Errorf("lower-case text was copied: %v allocations", n)
	}
}

func TestEqualFold(t *testing.T) {
	for _, test := range []struct {
		a, b string
		want bool
	}{{"Host", "hOST", true}, {"host", "hos", false}, {"Host\u212aey", "hostkey", false}, {"ho\u017ft", "host", false}, {"\xc1", "\xf8", false}, {"\xc1", "\xc1", true}} {
		if EqualFold(test.a, test.b) != test.want {
			t.Errorf("%q and %q: want %v", test.a, test.b, test.want)
		}
	}
}
