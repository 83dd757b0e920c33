//go:build linux

// Command runtests runs "go test -json -race" on packages and says at the end how
// many tests ran, which did not and why, and what was left behind.
//
//	go run ./packaging/runtests [FLAG of go test …] PACKAGE …
//
// First everything runs. Then what was skipped runs again: what a plain user may not
// do, with sudo, where that asks for no password or the person gives it; what takes too
// long with the race detector, without it. Last come the counts, the tests that failed,
// those that did NOT RUN with the reason, and what was LEFT BEHIND; the last is a failure too.
//
//	main.go      the order of this
//	results.go   what go test tells of each test, and the summary
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

// packageTime bounds the tests of one package, and with them a script that hangs. The
// longest take some four minutes alone on two cores, and many times that on a busy machine.
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

// catchInterrupts keeps this process, so that it can clear up; Ctrl-C reaches go
// test by itself.
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

// runAgain runs what was skipped for a reason that can be mended.
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
