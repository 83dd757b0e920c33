// Package apart runs tests as if nobody had started them. What the broker sees of
// a program (its terminal, the programs before it, an ssh login) must be what the
// test has made, and not what the person sits at who typed `make test`.
package apart

import (
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"slices"
	"strings"
	"syscall"
)

// mark is set in the process that runs the tests.
const mark = "KEYBROKER_TESTS_APART"

// Where the process that runs the tests finds its two pipes.
const (
	lifeFile   = 3 // ends with the process that was started first
	reportFile = 4 // takes the process id, then the exit code
)

// kept are the variables of the person that tests see, and the prefixes of others.
// A display, a bus, an agent, a runtime directory and a language are not among them.
var (
	kept         = []string{"PATH", "HOME", "USER", "LOGNAME", "TMPDIR", "XDG_CACHE_HOME", "CC", "http_proxy", "https_proxy", "no_proxy"}
	keptPrefixes = []string{"GO", "CGO_", "KEYBROKER_", "DEB_"}
)

// Environ is the environment for tests.
func Environ() []string {
	list := []string{"SHELL=/bin/sh", "LC_ALL=C.UTF-8"}
	for _, pair := range os.Environ() {
		name, _, _ := strings.Cut(pair, "=")
		if slices.Contains(kept, name) || slices.ContainsFunc(keptPrefixes, func(p string) bool { return strings.HasPrefix(name, p) }) {
			list = append(list, pair)
		}
	}
	return list
}

// Run runs the tests (m.Run) in a separate process with the environment Environ. It has
// no terminal, its only ancestor is pid 1, and it ends with this process.
func Run(tests func() int) int {
	switch {
	case slices.ContainsFunc(os.Args, func(arg string) bool { return strings.HasPrefix(arg, "-test.fuzz") }):
		return tests() // go test talks to that process over pipes
	case os.Getenv(mark) == "":
		code, err := runApart()
		if err != nil {
			fmt.Fprintln(os.Stderr, "the tests cannot be run apart from the terminal:", err)
		}
		return code
	}
	os.Unsetenv(mark)
	syscall.CloseOnExec(lifeFile)
	syscall.CloseOnExec(reportFile)
	report := os.NewFile(reportFile, "report")
	fmt.Fprintln(report, os.Getpid())
	go func() {
		_, _ = io.Copy(io.Discard, os.NewFile(lifeFile, "life"))
		os.Exit(1)
	}()
	code := tests()
	fmt.Fprintln(report, code)
	return code
}

// runApart starts this program again by setsid(1), which does not wait for it: so
// the kernel gives it another parent.
func runApart() (code int, err error) {
	exe, err := os.Executable()
	if err != nil {
		return 1, err
	}
	lifeRead, life, err := os.Pipe()
	if err != nil {
		return 1, err
	}
	defer life.Close()
	report, reportWrite, err := os.Pipe()
	if err != nil {
		return 1, err
	}
	defer report.Close()
	cmd := exec.Command("setsid", append([]string{"--fork", exe}, os.Args[1:]...)...)
	cmd.Env = append(Environ(), mark+"=1")
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
	cmd.ExtraFiles = []*os.File{lifeRead, reportWrite}
	err = cmd.Run()
	lifeRead.Close()
	reportWrite.Close()
	if err != nil {
		return 1, err
	}
	var pid int
	if _, err := fmt.Fscan(report, &pid); err != nil {
		return 1, fmt.Errorf("it ended at once: %w", err)
	}
	defer passOn(pid)()
	if _, err := fmt.Fscan(report, &code); err != nil {
		return 1, nil // it has said why: a panic, a signal
	}
	_, _ = io.Copy(io.Discard, report) // what it defers is done when it has ended
	return code, nil
}

// passOn sends the signals that this process gets to the other one.
func passOn(pid int) (stop func()) {
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGINT, syscall.SIGTERM, syscall.SIGQUIT, syscall.SIGHUP)
	go func() {
		for s := range signals {
			_ = syscall.Kill(pid, s.(syscall.Signal))
		}
	}()
	return func() { signal.Stop(signals); close(signals) }
}
