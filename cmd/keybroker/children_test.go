package main

import (
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// pipesAllowed are the places where a child is not asked over platform.Program, each
// with the reason.
var pipesAllowed = map[string]string{
	"platform/conn_windows.go":             "Windows has no socket pairs; its pipes have no name",
	"sshagent/run.go":                      "says only that the agent in the background serves",
	"tray/clipboard.go":                    "a public key for the clipboard, which every program can read and set",
	"platform/become_windows.go":           "the same program in this one's place",
	"broker/gitsetup.go":                   "git's settings",
	"broker/doctor/desktop.go":             "the version of keybroker-desktop",
	"broker/doctor/session.go":             "what systemctl says, which every program of the user can ask",
	"broker/doctor/sshconfig.go":           "ssh's settings",
	"service/manager.go":                   "what systemctl says, which every program of the user can ask",
	"service/run_linux.go":                 "what root has a command of the account show, in place of the terminal",
	"service/holders_windows.go":           "what sc.exe says, which every program of the user can ask",
	"lifecycle/hosts/said.go":              "ssh's log",
	"lifecycle/hosts/resolve.go":           "ssh's settings",
	"cmd/keybroker/testdata":               "tests",
	"softkeys/softkeystest":                "tests",
	"platform/session/sessiontest":         "tests",
	"desktop/waylandtest":                  "tests",
	"piv/pivtest":                          "tests",
	"cmd/agentconform":                     "runs the agent that it tests, and holds no key of anybody",
	"bench":                                "measures, and holds no key of anybody",
	"packaging":                            "runs the tests",
	"platform/apart/apart_linux.go":        "runs the tests",
	"platform/program.go":                  "what all others use",
	"lifecycle/plan":                       "holds no key: a program of the user can do with ssh what this does",
	"lifecycle/collect":                    "reads what root's programs say of a server, and holds no key",
	"lifecycle/inventory/git.go":           "git's settings",
	"keys/sshsig/sshsig.go":                "signatures, which everybody may see; what ssh-keygen finds is its exit code",
	"lifecycle/store/postgrestest":         "tests",
	"cmd/keybroker-lifecycle/keys.go":      "ssh-add's list of public keys",
	"cmd/keybroker-lifecycle/cmd_forge.go": "git's credential helper speaks over pipes to every program of the user",
	"cmd/keybroker/cmd_lifecycle.go":       "completions",
}

// A pipe to a child can be opened by every program of the user.
func TestChildrenAreAskedOverSockets(t *testing.T) {
	root := filepath.Join("..", "..")
	seen := 0
	err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if err == nil && entry.IsDir() && strings.HasPrefix(entry.Name(), ".") && path != root {
			return filepath.SkipDir // not ours, as go has it: what it has fetched may lie there
		}
		if err != nil || entry.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return err
		}
		name, _ := filepath.Rel(root, path)
		name = filepath.ToSlash(name)
		seen++
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		for _, way := range []string{".StdinPipe()", ".StdoutPipe()", "os.Pipe()", "md.Stdin", "md.Stdout", ".CombinedOutput()", ".Output()"} {
			if strings.Contains(string(text), way) && !allowedPipe(name) {
				t.Errorf("%s uses %s: start the child with platform.StartChild, or give the reason here", name, way)
			}
		}
		return nil
	})
	if err != nil || seen < 100 {
		t.Errorf("%d files, %v", seen, err)
	}
}

func allowedPipe(name string) bool {
	for place := range pipesAllowed {
		if name == place || strings.HasPrefix(name, place+"/") {
			return true
		}
	}
	return false
}

// The list holds nothing that is gone.
func TestPlacesOfPipesExist(t *testing.T) {
	var gone []string
	for place := range pipesAllowed {
		if _, err := os.Stat(filepath.Join("..", "..", filepath.FromSlash(place))); err != nil {
			gone = append(gone, place)
		}
	}
	if slices.Sort(gone); len(gone) > 0 {
		t.Errorf("remove %q", gone)
	}
}
