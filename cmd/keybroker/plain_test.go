package main

import (
	"os"
	"path"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/keybroker/keybroker/platform"
)

// ownPrefix is the text of an error that begins with the word of its package.
var ownPrefix = regexp.MustCompile(`(?:errors\.New|fmt\.Errorf|fail|Warn|Error)\(\s*"([a-z0-9]+): `)

// A package whose errors carry its name must be known to what people read.
func TestNamesOfPackagesAreTakenOut(t *testing.T) {
	seen := 0
	for _, p := range packages(t) {
		name := strings.TrimPrefix(p.ImportPath, module)
		if strings.HasSuffix(name, "test") || strings.HasPrefix(name, "bench") || strings.HasPrefix(name, "packaging") {
			continue
		}
		files, err := filepath.Glob(filepath.Join("..", "..", name, "*.go"))
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range files {
			if strings.HasSuffix(file, "_test.go") {
				continue
			}
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			for _, match := range ownPrefix.FindAllStringSubmatch(string(text), -1) {
				if word := match[1]; word == path.Base(name) || packageLike[word] {
					seen++
					if got := platform.PlainText(word + ": x"); got != "x" {
						t.Errorf("%s: %q stays before an error", file, word)
					}
				}
			}
		}
	}
	if seen < 100 {
		t.Fatalf("only %d errors seen", seen)
	}
}

// packageLike are words before errors of packages that have another name.
var packageLike = map[string]bool{"cards": true, "assuan": true, "terminal": true, "softkeys": true}
