//go:build linux

// Command runtests runs "go test -json -race" on packages and says at the end how
// many tests ran, which did not and why, and what was left behind.
//
//	go run ./packaging/runtests [FLAG of go test …] PACKAGE …
//
// First all tests run. Then the skipped ones run again: those that need root with sudo,
// if it needs no password or the person types it; those that are too slow under the race
// detector without it. The report lists the counts, the tests that failed, those that did
// NOT RUN with the reason, and what was LEFT BEHIND, which counts as a failure.
//
//	main.go      the sequence of runs
//	results.go   the output of go test for each test, and the summary
//	root.go      sudo
//	traces.go    the directory of a run, and what is left behind
package main

import (
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"regexp"
	"slices"
	"strings"
	"sync/atomic"
	"syscall"

	"github.com/keybroker/keybroker/platform/apart"
)

// Why a test was skipped decides how it is run again.
var (
	needsRoot  = regexp.MustCompile(`\broot\b`)
	tooMuchFor = "race detector"
)

// packageTime bounds the tests of one package, including scripts that hang. The slowest
// package takes some four minutes on two idle cores, and many times that on a busy machine.
const packageTime = "40m"

func main() { os.Exit(run(os.Args[1:])) }

func run(args []string) int {
	interrupted := catchInterrupts()
	sudo := mayUseSudo()
	traces, err := newTraces(sudo)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	all := &results{}
	if err := goTest(all, traces, "", append([]string{"-race"}, args...)); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	if !interrupted.Load() {
		runAgain(all, traces, sudo)
	}
	left := traces.left()
	traces.remove()
	all.print(os.Stdout, sudo)
	for _, what := range left {
		fmt.Println("LEFT BEHIND:", what)
	}
	if interrupted.Load() {
		return 130
	}
	if len(all.failed) > 0 || len(left) > 0 {
		return 1
	}
	return 0
}

// catchInterrupts keeps this process alive to clean up. Ctrl-C reaches go test directly.
func catchInterrupts() *atomic.Bool {
	var interrupted atomic.Bool
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP)
	go func() {
		for range signals {
			interrupted.Store(true)
		}
	}()
	return &interrupted
}

// runAgain runs the tests whose reason to be skipped can be removed.
func runAgain(all *results, traces *traces, sudo bool) {
	for _, again := range []struct {
		why   string
		wants func(reason string) bool
		flags []string
		exec  string
	}{
		{"without the race detector", func(r string) bool { return strings.Contains(r, tooMuchFor) }, nil, ""},
		{"as root, with sudo", func(r string) bool { return sudo && needsRoot.MatchString(r) }, []string{"-race"}, asRoot(traces.rootDir())},
	} {
		groups := all.take(again.wants)
		if again.exec != "" && len(groups) > 0 {
			if out, err := exec.Command("sudo", "-n", "install", "-d", "-m", "711", traces.rootDir()).CombinedOutput(); err != nil {
				fmt.Fprintf(os.Stderr, "%s%v\n", out, err)
			}
		}
		for _, group := range groups {
			fmt.Printf("== %s: %s\n", again.why, group)
			if err := goTest(all, traces, again.exec, append(slices.Clone(again.flags), "-run", group.pattern(), group.pkg)); err != nil {
				fmt.Fprintln(os.Stderr, err)
			}
		}
	}
}

// goTest adds to all what ran. exec is go test's; "": none.
func goTest(all *results, traces *traces, execute string, args []string) error {
	cmd := exec.Command("go", append([]string{"test", "-json", "-count=1", "-timeout=" + packageTime}, args...)...)
	if execute != "" {
		cmd.Args = slices.Insert(cmd.Args, 2, "-exec="+execute)
	}
	cmd.Env = append(apart.Environ(), "TMPDIR="+traces.dir)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		return err
	}
	all.read(out, os.Stdout)
	if err := cmd.Wait(); err != nil {
		all.endedBadly(args)
	}
	return nil
}
