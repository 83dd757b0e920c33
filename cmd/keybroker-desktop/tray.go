package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"log"
	"log/slog"
	"os"
	"os/signal"
	"runtime/debug"
	"strings"
	"syscall"

	"github.com/keybroker/keybroker/agent/control"
	"github.com/keybroker/keybroker/platform"
	"github.com/keybroker/keybroker/tray"
)

// trayMemory is the garbage collector's limit in bytes: the tray runs all day.
const trayMemory = 8 << 20

// showTray runs the icon. keybroker tray starts it with these flags.
func showTray(args []string) int {
	flags := flag.NewFlagSet("tray", flag.ContinueOnError)
	socket := flags.String("control", "", "the broker's control socket")
	notify := flags.String("notify", "", "events to notify about, separated by commas")
	if flags.Parse(args) != nil || *socket == "" || flags.NArg() > 0 {
		fmt.Fprintln(os.Stderr, "start it with: keybroker tray")
		return 2
	}
	debug.SetMemoryLimit(trayMemory)
	log.SetOutput(io.Discard) // the library logs errors while there is no panel
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	client := control.NewClient(*socket)
	err := tray.Run(ctx, tray.Config{
		Version: version, Client: client, Show: client.Show, Log: slog.New(slog.NewTextHandler(os.Stderr, nil)), Notify: split(*notify),
	})
	if err != nil {
		fmt.Fprintln(os.Stderr, "keybroker tray:", platform.Text(err))
		return 1
	}
	return 0
}

func split(list string) []string {
	if list == "" {
		return nil
	}
	return strings.Split(list, ",")
}
