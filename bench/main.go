//go:build linux

// Command bench compares keybroker with the installed OpenSSH ssh-agent. It measures both
// in turns in one run, so that other load on the machine affects both. It prints a table
// with the targets; docs/performance.md explains the figures.
//
// It exits with 0 whatever the figures are, and with 1 if it could not measure.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"syscall"

	"github.com/keybroker/keybroker/bench/internal/gauge"
)

func main() {
	// The agents are told to end with the thread that started them.
	runtime.LockOSThread()
	// The client makes little garbage, and its collection would be counted as the
	// agent's time.
	debug.SetGCPercent(-1)
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context) error {
	var (
		rounds    = flag.Int("rounds", 41, "number of turns of each agent")
		only      = flag.String("only", "", "measure only what has this text in its name")
		page      = flag.String("write", "", "put all figures into this page, and plots beside it")
		asJSON    = flag.Bool("json", false, "print JSON")
		keybroker = flag.String("keybroker", "bin/keybroker", "the program to measure")
		sshAgent  = flag.String("ssh-agent", "ssh-agent", "the program to measure it against")
		floor     = flag.String("floor", "", "serve the floor of the measures at this socket; bench starts that itself")
	)
	flag.Parse()
	if *floor != "" {
		return serveFloor(*floor)
	}
	if *page != "" && *only != "" {
		return errors.New("a page has all figures: leave out -only")
	}
	for _, path := range []*string{keybroker, sshAgent} {
		found, err := exec.LookPath(*path)
		if err != nil {
			return err
		}
		if *path, err = filepath.Abs(found); err != nil {
			return err
		}
		if err := gauge.FromDisk(*path); err != nil {
			return err
		}
	}
	if err := raiseFiles(); err != nil {
		return err
	}
	b := &bench{
		ctx: ctx, rounds: max(*rounds, 1), buf: make([]byte, gauge.ReplyBytes),
		sshAgent:  sshAgentKind(*sshAgent),
		keybroker: keybrokerKind(*keybroker, "process"),
		power:     keybrokerKind(*keybroker, "power"),
		tray:      trayKind(*keybroker),
	}
	var err error
	if b.floor, err = floorKind(); err != nil {
		return err
	}
	if b.screen = newScreen(); b.screen != nil {
		defer b.screen.close()
		b.window = askingKind(*keybroker, "[confirm]\nprompt = \"window\"\nbackground = \"ask\"\n", "DISPLAY="+b.screen.display)
		b.pinentry = askingKind(*keybroker, "[confirm]\nprompt = \"pinentry\"\npinentry = \"pinentry-qt\"\nbackground = \"ask\"\n", "DISPLAY="+b.screen.display)
		b.pinentry.Name = "pinentry-qt"
	}
	rows, err := b.all(*only)
	if err != nil {
		return err
	}
	if *page != "" {
		growths, err := b.growths()
		if err != nil {
			return err
		}
		if err := b.writePage(*page, rows, growths); err != nil {
			return err
		}
	}
	if *asJSON {
		return gauge.PrintJSON(os.Stdout, rows)
	}
	return gauge.PrintTable(os.Stdout, rows)
}
