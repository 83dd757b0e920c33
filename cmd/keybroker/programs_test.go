package main

import (
	"bufio"
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// inConsole are the files that may start a program in the console of this process. All
// others use platform.Command, which opens no console window on Windows.
var inConsole = map[string]string{
	"platform/run.go":                        "it is platform.Command",
	"platform/become_windows.go":             "the program takes the place of this one",
	"cmd/keybroker-desktop/start_windows.go": "it opens no window either, and the programs outlive it",
	"lifecycle/hosts/run.go":                 "ssh may ask for a password in the console",
}

var startsProgram = regexp.MustCompile(`exec\.Command(Context)?\(|os\.StartProcess\(|\bexec\.Cmd\{`)

func TestProgramsOpenNoConsoleWindow(t *testing.T) {
	list := exec.Command("go", "list", "-deps", "-f", `{{if .Module}}{{if .Module.Main}}{{$dir := .Dir}}{{range .GoFiles}}{{$dir}}/{{.}}{{"\n"}}{{end}}{{end}}{{end}}`,
		module+"cmd/keybroker", module+"cmd/keybroker-desktop", module+"cmd/keybroker-lifecycle")
	list.Env = append(os.Environ(), "GOOS=windows", "CGO_ENABLED=0")
	files, err := list.Output()
	if err != nil {
		t.Fatal(err)
	}
	root, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]bool{}
	for lines := bufio.NewScanner(bytes.NewReader(files)); lines.Scan(); {
		name := strings.TrimPrefix(lines.Text(), root+"/")
		text, err := os.ReadFile(lines.Text())
		if err != nil {
			t.Fatal(err)
		}
		if !startsProgram.Match(text) {
			continue
		}
		found[name] = true
		if inConsole[name] == "" {
			t.Errorf("%s starts a program by os/exec: use platform.Command", name)
		}
	}
	for name := range inConsole {
		if !found[name] {
			t.Errorf("%s starts no program: does this test look in the right place?", name)
		}
	}
}
