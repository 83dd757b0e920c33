package keys

import "testing"

func TestPattern(t *testing.T) {
	for _, test := range []struct {
		pattern, text string
		style         PatternStyle
		want          bool
	}{
		{"git", "git", 0, true}, {"git", "gi", 0, false}, {"gi", "git", 0, false}, {"", "x", 0, false}, {"Git", "git", 0, false},
		{"*", "", 0, true}, {"*", "git", 0, true}, {"g*", "git", 0, true}, {"*t", "git", 0, true}, {"*ab", "abab", 0, true},
		{"g?t", "git", 0, true}, {"g?t", "gt", 0, false}, {"git?*", "git", 0, false}, {"*?", "", 0, false}, {"**a?", "xxab", 0, true},
		{"a*X*c", "aXbXc", 0, true}, {"a*X*c", "aXbXd", 0, false}, {"a*b*c", "a-c-b", 0, false},
		{"ab*ba", "aba", 0, false}, {"ab*ba", "abba", 0, true},
		{"?", "ü", 0, true}, {"?", "ü", SingleBytes, false}, {"??", "ü", SingleBytes, true},
		{"GIT.example", "git.EXAMPLE", FoldASCII, true}, {"g?t.*", "GIT.example", FoldASCII, true},
		{"\u212a", "k", FoldASCII, false}, {"É", "é", FoldASCII, false}, {"\xc1", "\xf8", FoldASCII, false}, {"\xc1", "\ufffd", FoldASCII, false},
		{"É", "é", FoldUnicode, true}, {"\xc1", "\xf8", FoldUnicode, false}, {"A\xc1", "a\xc1", FoldUnicode, true},
		{"a*", "a/b", 0, true}, {"a*", "a/b", SlashStops, true}, {"?", "/", SlashStops, true}, // no path
		{"/usr/*/ssh", "/usr/bin/ssh", SlashStops, true}, {"/usr/*/ssh", "/usr/a/b/ssh", SlashStops, false}, {"/usr/*/ssh", "/usr/a/b/ssh", 0, true},
		{"/usr/*/s?h", "/usr/bin/ssh", SlashStops, true}, {"/usr/*/s*", "/usr/bin/x/ssh", SlashStops, false},
		{"/usr/*/s?h", "/usr/a/b/ssh", SlashStops, false}, {"/a?b", "/a/b", SlashStops, false}, {"/a?b", "/a/b", 0, true},
	} {
		if NewPattern(test.pattern, test.style).Match(test.text) != test.want {
			t.Errorf("%q on %q (style %d): want %v", test.pattern, test.text, test.style, test.want)
		}
	}
}

func TestPatterns(t *testing.T) {
	for _, test := range []struct {
		list  string
		style PatternStyle
		texts []string
		want  bool
	}{
		{"a,b", 0, []string{"b"}, true},
		{"a,b", 0, []string{"c"}, false},
		{"*,!b", 0, []string{"a"}, true},
		{"*,!b", 0, []string{"b"}, false},
		{"!b,*", 0, []string{"b"}, false}, // the order does not matter
		{"!b,b", 0, []string{"b"}, false},
		{"*,!b", 0, []string{"a", "b"}, false}, // two names of one thing
		{"!b", 0, []string{"a"}, false},        // only excepts
		{"", 0, []string{""}, false},
		{"a,,", 0, []string{""}, false},
		{"CN=A,O=B,!CN=*,!x", FoldUnicode | CommasInside, []string{"cn=a,o=b"}, false},
		{"CN=A,O=B,!x", FoldUnicode | CommasInside, []string{"cn=a,o=b"}, true},
		{"/usr/lib*/*,/opt/lib/*,!*/evil.so", SingleBytes, []string{"/usr/lib64/a/b.so"}, true},
		{"/usr/lib*/*,/opt/lib/*,!*/evil.so", SingleBytes, []string{"/opt/lib/x.so"}, true},
		{"/usr/lib*/*,/opt/lib/*,!*/evil.so", SingleBytes, []string{"/tmp/x.so"}, false},
		{"/usr/lib*/*,/opt/lib/*,!*/evil.so", SingleBytes, []string{"/usr/lib/evil.so"}, false},
	} {
		if ParsePatterns(test.list, test.style).Match(test.texts...) != test.want {
			t.Errorf("%q on %q: want %v", test.list, test.texts, test.want)
		}
	}
}

func TestPatternsOfHosts(t *testing.T) {
	for _, test := range []struct {
		list, name string
		want       bool
	}{
		{"git.example", "GIT.example", true}, {"git.example", "[git.example]:2222", true}, {"[git.example]:22", "git.example", false},
		{"[git.example]:2222", "[git.example]:2222", true}, {"[git.example]:2222", "[git.example]:22", false},
		{"*,!git.example", "[git.example]:2222", false}, {"*,![git.example]:22", "[git.example]:2222", true},
	} {
		if ParsePatterns(test.list, FoldASCII).MatchHost(test.name) != test.want {
			t.Errorf("%q on %q: want %v", test.list, test.name, test.want)
		}
	}
}

func TestPatternsWithin(t *testing.T) {
	for _, test := range []struct {
		narrow, wide string
		want         bool
	}{
		{"a", "a,b", true}, {"a,b", "a", false}, {"a,!c", "a,b", true}, {"a", "a,b,!c", false}, {"b,!c", "a,b,!c", true}, {"", "a", true}, {"a", "", false},
	} {
		if ParsePatterns(test.narrow, 0).Within(ParsePatterns(test.wide, 0)) != test.want {
			t.Errorf("%q within %q: want %v", test.narrow, test.wide, test.want)
		}
	}
}

func TestCheckPatterns(t *testing.T) {
	for list, want := range map[string]string{
		"": "", "a": "", "a,!b": "", "!b,*": "",
		"a,":   "one of its patterns is empty",
		"a,!":  "one of its patterns is empty",
		"a, b": `" b" begins or ends with a space`,
		"!b":   `it has only exceptions, so it matches nothing; write "*,!b"`,
	} {
		got := ""
		if err := CheckPatterns(list, 0); err != nil {
			got = err.Error()
		}
		if got != want {
			t.Errorf("%q: %q, want %q", list, got, want)
		}
	}
}

// TestMeaningOfBefore compares patterns with their meaning when there were four pattern
// languages (decision 0062). None may match more than before, unless the row says why.
func TestMeaningOfBefore(t *testing.T) {
	const (
		rule    = "[[rule]] key, user, socket; [[socket]] keys"
		host    = "[[rule]] host; [[socket]] hosts"
		program = "[[rule]] program"
		openSSH = "[pkcs11], [fido], known_hosts, ssh_config, ssh-add -h"
		slot    = "[[piv.rule]] slot, eku"
		name    = "[[piv.rule]] subject, issuer"
	)
	styles := map[string]PatternStyle{host: FoldASCII, program: SlashStops, openSSH: SingleBytes, slot: FoldASCII, name: FoldUnicode | CommasInside}
	const new = "it was for no text: a slot has no such character"
	for _, test := range []struct {
		where, list, text string
		before, now       bool
		wider             string
	}{
		{rule, "w*", "work", true, true, ""}, {rule, "w*", "Work", false, false, ""}, {rule, "?", "ü", true, true, ""}, {rule, "a*", "a/b", true, true, ""},
		{host, "*.Example", "git.example", true, true, ""}, {host, "*", "[git.example]:2222", true, true, ""}, {host, "git", "[git]:2222", false, false, ""},
		{program, "/usr/*/ssh", "/usr/bin/ssh", true, true, ""}, {program, "/usr/*/ssh", "/usr/a/b/ssh", false, false, ""}, {program, "s?h", "ssh", true, true, ""},
		{openSSH, "/usr/lib*/*", "/usr/lib/a/b.so", true, true, ""}, {openSSH, "*,!a?b", "a/b", false, false, ""}, {openSSH, "!b", "a", false, false, ""},
		{openSSH, "?", "ü", false, false, ""}, {openSSH, "a,!b", "A", false, false, ""},
		{slot, "9A", "9a", true, true, ""}, {slot, "8*", "82", true, true, ""}, {slot, "8?", "82", false, true, new}, {slot, "9a,9c", "9c", false, true, new},
		{slot, "*,!9c", "9a", false, true, new}, {slot, "*,!9c", "9c", false, false, ""},
		{name, "*dod email ca*", "CN=DOD EMAIL CA-59,O=U.S. Government", true, true, ""},
		{name, "CN=DOE.JANE,O=U.S. Government", "CN=DOE.JANE,O=U.S. Government", true, true, ""},
		{name, "CN=DOE.JANE,O=U.S. Government", "CN=DOE.JANE", false, false, ""},
		{name, "CN=A?", "CN=A?", true, true, ""}, {name, "CN=A?", "CN=AB", false, true, `only a name with "?" was meant`},
	} {
		if got := ParsePatterns(test.list, styles[test.where]).Match(test.text); got != test.now {
			t.Errorf("%s: %q on %q: %v", test.where, test.list, test.text, got)
		}
		if test.now && !test.before && test.wider == "" || test.before && !test.now {
			t.Errorf("%s: %q on %q changed its meaning", test.where, test.list, test.text)
		}
	}
}
