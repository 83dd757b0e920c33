//go:build linux

package main

import (
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strings"
)

// event is one line of "go test -json", as "go doc test2json" describes it.
type event struct {
	Action, Package, Test, Output string
	Elapsed                       float64
}

// testName names a test, or a package as a whole.
type testName struct{ pkg, test string }

func (n testName) String() string {
	return strings.TrimSpace(strings.TrimPrefix(n.pkg, module) + " " + n.test)
}

// in reports whether n is a test of the package or of the test that other names.
func (n testName) in(other testName) bool {
	return n.pkg == other.pkg && n.test != "" && (other.test == "" || strings.HasPrefix(n.test, other.test+"/"))
}

const module = "github.com/keybroker/keybroker/"

// results are the outcomes of all tests. A test that ran again has its last outcome.
type results struct {
	passed  map[testName]bool
	failed  []testName
	skipped map[testName]string // why
}

// read prints what a person wants to see of the events: a line a package, and all
// that a test that fails has printed.
func (r *results) read(events io.Reader, to io.Writer) {
	printed := map[testName][]string{}
	for decoder := json.NewDecoder(events); ; {
		var e event
		if err := decoder.Decode(&e); err != nil {
			if err != io.EOF {
				fmt.Fprintln(to, "go test:", err)
			}
			return
		}
		name := testName{e.Package, e.Test}
		switch e.Action {
		case "output":
			printed[name] = append(printed[name], e.Output)
		case "build-output":
			fmt.Fprint(to, e.Output)
		case "pass", "fail", "skip":
			r.end(e.Action, name, printed[name], to)
			delete(printed, name)
		}
	}
}

func (r *results) end(action string, name testName, printed []string, to io.Writer) {
	text := strings.Join(printed, "")
	switch {
	case action == "fail":
		r.failed = append(r.failed, name)
		fmt.Fprint(to, text)
	case name.test == "" && action == "pass":
		fmt.Fprint(to, printed[len(printed)-1])
	case name.test == "": // there are no tests
	case action == "pass":
		if r.passed == nil {
			r.passed = map[testName]bool{}
		}
		r.passed[name] = true
	default:
		if r.skipped == nil {
			r.skipped = map[testName]string{}
		}
		r.skipped[name] = reason(printed)
	}
}

// reason is what a test says when it is skipped: by Skip, in a line or several, or by a
// script's skip, each of which is shown, those before it with a condition that did not hold.
func reason(printed []string) string {
	script := "it does not say why"
	byTest := ""
	inTest := false
	for _, line := range printed {
		line = strings.TrimSpace(line)
		if _, why, ok := strings.Cut(line, "skip '"); ok {
			script = strings.TrimSuffix(why, "'")
		}
		place, why, ok := strings.Cut(line, ": ")
		switch {
		case line == "" || strings.HasPrefix(line, "---") || strings.HasPrefix(line, "==="):
			inTest = false
		case ok && strings.Contains(place, ".go:"):
			if inTest = !strings.HasPrefix(place, "testscript.go:"); inTest { // that shows the script
				byTest = why
			}
		case inTest:
			byTest += "; " + line
		}
	}
	return cmp.Or(byTest, script)
}

// endedBadly notes a failure outside of tests, such as a failed build.
func (r *results) endedBadly(args []string) {
	if len(r.failed) == 0 {
		r.failed = append(r.failed, testName{pkg: "go test " + strings.Join(args, " ")})
	}
}

// group is tests of one package that have the same parent ("": none).
type group struct {
	pkg, parent string
	tests       []string
}

func (g group) String() string {
	return fmt.Sprintf("%d of %s", len(g.tests), testName{g.pkg, g.parent})
}

// pattern is for go test -run.
func (g group) pattern() string {
	pattern := "^(" + strings.Join(g.tests, "|") + ")$"
	if g.parent != "" {
		pattern = "^" + strings.ReplaceAll(g.parent, "/", "$/^") + "$/" + pattern
	}
	return pattern
}

// take removes the tests whose reason is wanted from the skipped ones.
func (r *results) take(wanted func(reason string) bool) (groups []group) {
	for _, name := range slices.SortedFunc(maps.Keys(r.skipped), func(a, b testName) int { return strings.Compare(a.String(), b.String()) }) {
		if !wanted(r.skipped[name]) {
			continue
		}
		delete(r.skipped, name)
		parent, test := "", name.test
		if i := strings.LastIndexByte(test, '/'); i >= 0 {
			parent, test = test[:i], test[i+1:]
		}
		i := slices.IndexFunc(groups, func(g group) bool { return g.pkg == name.pkg && g.parent == parent })
		if i < 0 {
			groups, i = append(groups, group{pkg: name.pkg, parent: parent}), len(groups)
		}
		groups[i].tests = append(groups[i].tests, test)
	}
	return groups
}

// print is the end of the report: counts of tests and scripts, and what did not run.
func (r *results) print(to io.Writer, sudo bool) {
	byReason := map[string][]string{}
	for name, why := range r.skipped {
		byReason[why] = append(byReason[why], name.String())
	}
	r.failed = slices.DeleteFunc(slices.Clone(r.failed), func(name testName) bool { // for a test in it that has failed
		return slices.ContainsFunc(r.failed, func(other testName) bool { return other.in(name) })
	})
	fmt.Fprintf(to, "== tests: %d passed, %d failed, %d NOT RUN\n", r.leaves(), len(r.failed), len(r.skipped))
	for _, name := range r.failed {
		fmt.Fprintln(to, "FAILED:", name)
	}
	for _, why := range slices.Sorted(maps.Keys(byReason)) {
		names := byReason[why]
		slices.Sort(names)
		fmt.Fprintf(to, "NOT RUN: %s: %s\n", why, strings.Join(names, ", "))
		if needsRoot.MatchString(why) && os.Geteuid() != 0 && !sudo {
			fmt.Fprintln(to, "         run make test as root, or where sudo -n works")
		}
	}
}

// leaves counts the tests that passed and have no tests in them.
func (r *results) leaves() (count int) {
	parents := map[testName]bool{}
	for name := range r.passed {
		if i := strings.LastIndexByte(name.test, '/'); i >= 0 {
			parents[testName{name.pkg, name.test[:i]}] = true
		}
	}
	for name := range r.passed {
		if !parents[name] {
			count++
		}
	}
	return count
}
