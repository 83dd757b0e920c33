package main

import (
	"os"
	"path"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// ownPrefix is the text of an error or of a line of the log that begins with a
// word and a colon.
var ownPrefix = regexp.MustCompile(`(?:errors\.New|fmt\.Errorf|problem\.New|fail|Warn|Error)\(\s*"([a-z0-9]+): `)

// Errors are read by people, who do not know our packages.
func TestErrorsNameNoPackages(t *testing.T) {
	names := map[string]bool{"cards": true, "assuan": true}
	for _, p := range packages(t) {
		names[path.Base(p.ImportPath)] = true
	}
	delete(names, "version") // a word that an error may begin with
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
				if names[match[1]] {
					t.Errorf("%s: an error begins with the name of a package: %q", file, match[1])
				}
			}
		}
	}
}
