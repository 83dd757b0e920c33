package policy

import "testing"

func TestPattern(t *testing.T) {
	tests := []struct {
		pattern, text string
		path, want    bool
	}{
		{"work", "work", false, true},
		{"work", "works", false, false},
		{"*", "", false, true},
		{"a*", "a/b", false, true},
		{"a*", "a/b", true, false},
		{"/usr/*/ssh", "/usr/bin/ssh", true, true},
		{"/usr/*/s?h", "/usr/bin/ssh", true, true},
		{"/usr/*/s*", "/usr/bin/x/ssh", true, false},
		{"/usr/*/s?h", "/usr/a/b/ssh", true, false},
		{"?", "/", true, false},
		{"?", "/", false, true},
		{"?", "ü", false, true},
		{"a*b*c", "a-b-b-c", false, true},
		{"a*b*c", "a-c-b", false, false},
		{"ab*ba", "aba", false, false},
		{"ab*ba", "abba", false, true},
		{"**a?", "xxab", false, true},
		{"*?", "", false, false},
	}
	for _, test := range tests {
		p := compile(test.pattern)
		p.path = test.path
		if p.match(test.text) != test.want {
			t.Errorf("%q on %q (path %v): want %v", test.pattern, test.text, test.path, test.want)
		}
	}
}
