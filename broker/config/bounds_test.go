package config

import (
	"strings"
	"testing"
)

// What took the TOML library minutes is refused before it is asked. Its twin, the
// same in small, is read.
func TestDocumentsThatWouldHang(t *testing.T) {
	nested := func(open, shut string, n int) string {
		return "a = " + strings.Repeat(open, n) + "1" + strings.Repeat(shut, n)
	}
	dotted := func(part string, n int) string { return strings.Repeat(part+".", n) + "a = 1" }
	for name, test := range map[string]struct{ text, small, want string }{
		"a dotted key":         {"\n" + dotted("a", 200_000), dotted("a", 20), "f:2:66: more than 32 dots in one line"},
		"quoted parts":         {dotted(`"\"#"`, 200), dotted(`"\"#"`, 20), "more than 32 dots in one line"},
		"a dotted table":       {"[" + dotted("a", 200_000)[:400_000] + "a]", "[a.a.a]", "more than 32 dots in one line"},
		"arrays":               {nested("[", "]", 1000), nested("[", "]", 20), "f:1:37: more than 32 brackets are open here"},
		"arrays over lines":    {nested("[\n", "]\n", 100_000), nested("[\n", "]\n", 20), "f:33:1: more than 32 brackets are open here"},
		"tables in tables":     {nested("{a = ", "}", 1000), nested("{a = ", "}", 20), "more than 32 brackets are open here"},
		"hidden in a text":     {"a = {b = \"\"\"\n\"\"\", " + dotted("a", 1000) + "}", "a = {b = \"\", c = 1}", "f:1:10: multi-line strings are not supported"},
		"dots in a text":       {"a = '" + strings.Repeat("[.", 100) + "' # " + strings.Repeat("[.", 100) + "\n" + dotted("a", 100), "a = '" + strings.Repeat("[.", 100) + "' # " + strings.Repeat("[.", 100), "f:2:66"},
		"the size of the file": {strings.Repeat("# 0123456789\n", maxFile/10), "# 0123456789", "the file is larger than 1048576 bytes"},
	} {
		var document map[string]any
		if err := decode("f", []byte(test.text), &document); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: %v, want %s", name, err, test.want)
		}
		if err := decode("f", []byte(test.small), &document); err != nil {
			t.Errorf("%s in small: %v", name, err)
		}
	}
}
