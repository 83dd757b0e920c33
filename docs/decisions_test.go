package docs

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

var (
	update        = flag.Bool("update", false, "write docs/decisions/README.md anew")
	decisionTitle = regexp.MustCompile(`^# (\d{4}): (.+)\n`)
)

const decisionsHead = "# Decisions\n\n" +
	"Each page gives the facts, the choice and what would change it, in half a page. A new one takes the next free number, and\n" +
	"`go test ./docs -run TestDecisionsAreIndexed -update` lists it here. A decision that no longer holds is replaced, and the new page says which.\n\n" +
	"| | |\n|---|---|\n"

// TestDecisionsAreIndexed compares docs/decisions/README.md with the pages beside it.
func TestDecisionsAreIndexed(t *testing.T) {
	index := filepath.Join("decisions", "README.md")
	want := decisionsHead + strings.Join(decisionRows(t), "")
	if *update {
		if err := os.WriteFile(index, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(index)
	if err != nil || string(got) != want {
		t.Errorf("docs/decisions/README.md does not list the decisions as they are (%v)\nmend it: go test ./docs -run TestDecisionsAreIndexed -update", err)
	}
}

func decisionRows(t *testing.T) (rows []string) {
	t.Helper()
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
		rows = append(rows, fmt.Sprintf("| [%s](%s) | %s |\n", title[1], name, title[2]))
	}
	return rows
}
