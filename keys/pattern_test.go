package keys

import "testing"

func TestPatterns(t *testing.T) {
	for _, test := range []struct {
		s, pattern string
		want       bool
	}{
		{"git", "git", true}, {"git", "gi", false}, {"gi", "git", false}, {"", "", true}, {"", "*", true}, {"x", "", false},
		{"git", "*", true}, {"git", "g*", true}, {"git", "*t", true}, {"git", "g?t", true}, {"gt", "g?t", false},
		{"aXbXc", "a*X*c", true}, {"aXbXd", "a*X*c", false}, {"abab", "*ab", true}, {"Git", "git", false}, {"git", "git?*", false},
	} {
		if MatchPattern(test.s, test.pattern) != test.want {
			t.Errorf("%q against %q is not %v", test.s, test.pattern, test.want)
		}
	}
	const providers = "/usr/lib*/*,/opt/lib/*,!*/evil.so"
	for path, want := range map[string]bool{
		"/usr/lib/x.so": true, "/usr/lib64/a/b.so": true, "/opt/lib/x.so": true, "/tmp/x.so": false, "/usr/lib/evil.so": false,
	} {
		if MatchPatternList(path, providers) != want {
			t.Errorf("%s is not %v", path, want)
		}
	}
}
