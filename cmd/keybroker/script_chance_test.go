package main

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

var (
	// absent is a line of a script that says what is not there, and its pattern.
	absent = regexp.MustCompile(`^(?:\[.*?\] +)*! (?:stdout|stderr|grep) +(?:'(?:\(\?i\))?([^']*)'|([^' ]+))(?: \S+)?$`)
	// byChance is what random base64 or hexadecimal digits may hold once in a million lines.
	byChance = regexp.MustCompile(`^(?:[0-9A-Fa-f]{1,8}|[0-9A-Za-z+/]{1,4})(?:\|[^|]*)*$`)
)

// A fingerprint, a GUID or a hash has any short word now and then: what must not be
// there is named with what stands before or after it.
func TestScriptsFailByNoChance(t *testing.T) {
	scripts, err := filepath.Glob("../*/testdata/script/*.txt")
	if err != nil || len(scripts) == 0 {
		t.Fatal("no scripts", err)
	}
	seen := 0
	for _, script := range scripts {
		text, err := os.ReadFile(script)
		if err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(string(text)) {
			match := absent.FindStringSubmatch(strings.TrimSpace(line))
			if match == nil {
				continue
			}
			seen++
			if byChance.MatchString(match[1] + match[2]) {
				t.Errorf("%s: random text may hold it: %s", script, line)
			}
		}
	}
	if seen == 0 {
		t.Error("no script says what must not be there")
	}
}
