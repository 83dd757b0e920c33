//go:build linux && cgo

// Command cards compares keybroker with ssh-agent and OpenSC's PKCS#11 module, and with
// piv-go, on a PIV card. All use the real pcscd and the same virtual card. It prints a
// table with the targets; docs/performance.md explains the figures. It needs root, to run
// pcscd in separate namespaces.
//
// It exits with 0 whatever the figures are, and with 1 if it could not measure.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"runtime"
	"syscall"

	"github.com/keybroker/keybroker/bench/internal/gauge"
)

// options are the flags.
type options struct {
	rounds, insertions          int
	only                        string
	asJSON                      bool
	keybroker, sshAgent, sshAdd string
	opensc                      string
}

func main() {
	// The agents are told to end with the thread that started them.
	runtime.LockOSThread()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, flags()); err != nil {
		fmt.Fprintln(os.Stderr, "bench/cards:", err)
		os.Exit(1)
	}
}

func flags() (o options) {
	flag.IntVar(&o.rounds, "rounds", 41, "number of turns of each program")
	flag.IntVar(&o.insertions, "insertions", 1000, "number of insertions after which to measure growth")
	flag.StringVar(&o.only, "only", "", "measure only what has this text in its name")
	flag.BoolVar(&o.asJSON, "json", false, "print JSON")
	flag.StringVar(&o.keybroker, "keybroker", "bin/keybroker", "the program to measure")
	flag.StringVar(&o.sshAgent, "ssh-agent", "ssh-agent", "the program to measure it against")
	flag.StringVar(&o.sshAdd, "ssh-add", "ssh-add", "the program that adds the card to ssh-agent")
	flag.StringVar(&o.opensc, "opensc", "", "OpenSC's PKCS#11 module (default: Debian's)")
	flag.Parse()
	o.rounds = max(o.rounds, 1)
	return o
}

// find makes the paths absolute.
func (o *options) find() error {
	for _, path := range []*string{&o.keybroker, &o.sshAgent, &o.sshAdd} {
		found, err := exec.LookPath(*path)
		if err != nil {
			return err
		}
		if *path, err = filepath.Abs(found); err != nil {
			return err
		}
	}
	if o.opensc != "" {
		return nil
	}
	found, err := filepath.Glob("/usr/lib/*/opensc-pkcs11.so")
	if err != nil || len(found) == 0 {
		return fmt.Errorf("no opensc-pkcs11.so\nrun `make deps`, which installs the package opensc-pkcs11")
	}
	o.opensc = found[0]
	return nil
}

func run(ctx context.Context, o options) error {
	if err := o.find(); err != nil {
		return err
	}
	b := &bench{options: o, ctx: ctx}
	rows, err := b.all()
	if err != nil {
		return err
	}
	if o.asJSON {
		return gauge.PrintJSON(os.Stdout, rows)
	}
	return gauge.PrintTable(os.Stdout, rows)
}
