package docs

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// threatModel names for each row the test that holds it.
const threatModel = "threat-model.md"

var (
	testFunction = regexp.MustCompile(`(?m)^func (Test\w+)\(`)
	codeSpan     = regexp.MustCompile("`([^`]+)`")
	goTest       = regexp.MustCompile(`^(?:go test )?((?:\./\S+ )+)-run '?([^']+?)'?$`)
	budgetTest   = regexp.MustCompile(`^[A-Z]\w+$`) // go test ./agent -run NAME
	tableRow     = regexp.MustCompile(`^\|[^-]`)
)

// testsByPackage are the names of the tests in each directory, "./agent" and so on.
func testsByPackage(t *testing.T) map[string][]string {
	t.Helper()
	tests := map[string][]string{}
	err := filepath.WalkDir("..", func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || !strings.HasSuffix(path, "_test.go") {
			return err
		}
		text, err := os.ReadFile(path)
		dir := "./" + filepath.ToSlash(strings.TrimPrefix(filepath.Dir(path), ".."+string(filepath.Separator)))
		for _, match := range testFunction.FindAllStringSubmatch(string(text), -1) {
			tests[dir] = append(tests[dir], match[1])
		}
		return err
	})
	if err != nil || len(tests) < 10 {
		t.Fatalf("%d packages have tests: %v", len(tests), err)
	}
	return tests
}

// named reports whether a span of code names a test, and what is wrong with it.
func named(span string, budgets bool, tests map[string][]string) (is bool, fault error) {
	find := func(dirs []string, pattern string) error {
		for part := range strings.SplitSeq(pattern, "|") {
			expression, err := regexp.Compile(part)
			if err != nil {
				return err
			}
			if !anyMatches(dirs, expression, tests) {
				return fmt.Errorf("`%s`: no test of %v is named %q", span, dirs, part)
			}
		}
		return nil
	}
	if script, ok := strings.CutPrefix(span, "TestScripts/"); ok {
		_, err := os.Stat(filepath.Join("..", "cmd", "keybroker", "testdata", "script", script+".txt"))
		return true, err
	}
	if match := goTest.FindStringSubmatch(span); match != nil && match[2] != "NAME" {
		return true, find(strings.Fields(match[1]), match[2])
	}
	if strings.HasPrefix(span, "Test") {
		var everywhere []string
		for dir := range tests {
			everywhere = append(everywhere, dir)
		}
		return true, find(everywhere, "^"+span+"$")
	}
	if budgets && budgetTest.MatchString(span) {
		return true, find([]string{"./agent"}, span)
	}
	return false, nil
}

func anyMatches(dirs []string, expression *regexp.Regexp, tests map[string][]string) bool {
	for _, dir := range dirs {
		for _, name := range tests[dir] {
			if expression.MatchString(name) {
				return true
			}
		}
	}
	return false
}

// Every test that the threat model names is there, and each row names one or leads
// to the section that does.
func TestThreatModelNamesItsTests(t *testing.T) {
	text, err := os.ReadFile(threatModel)
	if err != nil {
		t.Fatal(err)
	}
	tests := testsByPackage(t)
	section, count, header := "", 0, true
	for number, line := range strings.Split(string(text), "\n") {
		if strings.HasPrefix(line, "## ") {
			section = line
		}
		names := strings.Contains(line, "](#")
		for _, match := range codeSpan.FindAllStringSubmatch(line, -1) {
			is, fault := named(match[1], section == "## Budgets" && tableRow.MatchString(line), tests)
			if fault != nil {
				t.Errorf("%s:%d: %v", threatModel, number+1, fault)
			}
			if is {
				names = true
				count++
			}
		}
		row := tableRow.MatchString(line)
		if row && !header && !names {
			t.Errorf("%s:%d: the row names no test", threatModel, number+1)
		}
		header = !row && !strings.HasPrefix(line, "|-") // the next row is a header
	}
	if count < 50 {
		t.Fatalf("only %d names of tests were found", count)
	}
}

// A name that is none is found.
func TestThreatModelFaults(t *testing.T) {
	tests := map[string][]string{"./agent": {"TestA", "TestBudget"}, "./platform": {"TestC"}}
	for span, want := range map[string]bool{
		"TestA": true, "TestC": true, "TestX": false, "TestBudge": false, "Budge": true, "TestScripts/liar": true, "TestScripts/none": false,
		"go test ./agent -run 'A|Budget'": true, "./agent -run 'A|C'": false, "./agent ./platform -run 'A|C'": true, "Budget": true, "Nothing": false,
	} {
		if is, fault := named(span, true, tests); !is || (fault == nil) != want {
			t.Errorf("%s: %v, %v", span, is, fault)
		}
	}
}
