package docs

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Every room at the top of the tree is in the map of CONTRIBUTING.md, and every path that
// it names is there.
func TestContributingNamesTheRooms(t *testing.T) {
	text, err := os.ReadFile(filepath.Join("..", "CONTRIBUTING.md"))
	if err != nil {
		t.Fatal(err)
	}
	tops, err := os.ReadDir("..")
	if err != nil {
		t.Fatal(err)
	}
	rooms := map[string]bool{}
	for _, top := range tops {
		if top.IsDir() && !strings.HasPrefix(top.Name(), ".") {
			rooms[top.Name()] = true
		}
	}
	for _, notARoom := range []string{"bin", "build", "cmd", "tools"} {
		delete(rooms, notARoom)
	}
	for room := range rooms {
		if !strings.Contains(string(text), "\n| `"+room+"` |") {
			t.Errorf("CONTRIBUTING.md has no row for %s", room)
		}
	}
	paths := 0
	for _, span := range codeSpan.FindAllStringSubmatch(string(text), -1) {
		path := span[1]
		if top, _, ok := strings.Cut(path, "/"); !ok || !rooms[top] && top != "cmd" || strings.ContainsAny(path, " *") || strings.Contains(path, "NAME") {
			continue
		}
		paths++
		if _, err := os.Stat(filepath.Join("..", path)); err != nil {
			t.Errorf("CONTRIBUTING.md names %s: %v", path, err)
		}
	}
	if paths < 20 {
		t.Errorf("only %d paths were found in CONTRIBUTING.md", paths)
	}
}
