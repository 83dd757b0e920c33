package docs

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

var decisionTitle = regexp.MustCompile(`^# (\d{4}): (.+)\n`)

// TestDecisionsAreIndexed compares docs/decisions/README.md with the pages beside it.
func TestDecisionsAreIndexed(t *testing.T) {
	index, err := os.ReadFile(filepath.Join("decisions", "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	pages, err := filepath.Glob(filepath.Join("decisions", "[0-9]*.md"))
	if err != nil || len(pages) < 10 {
		t.Fatalf("%d decisions: %v", len(pages), err)
	}
	for _, page := range pages {
		text, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		name := filepath.Base(page)
		title := decisionTitle.FindStringSubmatch(string(text))
		if title == nil || !strings.HasPrefix(name, title[1]+"-") {
			t.Errorf("%s does not begin with \"# %.4s: title\"", page, name)
			continue
		}
		if row := fmt.Sprintf("| [%s](%s) | %s |\n", title[1], name, title[2]); !strings.Contains(string(index), row) {
			t.Errorf("decisions/README.md lacks this row:\n%s", row)
		}
	}
	if rows := strings.Count(string(index), "\n| ["); rows != len(pages) {
		t.Errorf("decisions/README.md has %d rows, and there are %d decisions", rows, len(pages))
	}
}
