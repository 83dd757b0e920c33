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
	"path/filepath"
	"runtime/debug"
	"strconv"
	"strings"
	"syscall"

	"github.com/keybroker/keybroker/agent/control"
	"github.com/keybroker/keybroker/platform"
	"github.com/keybroker/keybroker/platform/confine"
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
	if err := confine.Tray(trayFiles(), displayPort(os.Getenv("DISPLAY"))); err != nil {
		fmt.Fprintln(os.Stderr, "keybroker tray: it cannot give up its rights, so it shows nothing:", err)
		return 1
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

// systemDirs have the clipboard's programs and what they load.
var systemDirs = []string{"/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/etc", "/nix/store", "/gnu/store"}

// trayFiles are what the tray and the clipboard's programs read.
func trayFiles() confine.Files {
	cookie := os.Getenv("XAUTHORITY")
	if home, err := os.UserHomeDir(); cookie == "" && err == nil {
		cookie = filepath.Join(home, ".Xauthority")
	}
	return confine.Files{Dirs: systemDirs, Files: append(tray.ClipboardFiles(), cookie)}
}

// displayPort is the TCP port of an X display on another machine, 0 for one on this machine (X(7), "DISPLAY NAMES").
func displayPort(display string) uint16 {
	host, screen, _ := strings.Cut(display, ":")
	number, err := strconv.ParseUint(strings.SplitN(screen, ".", 2)[0], 10, 15)
	if host == "" || host == "unix" || strings.HasPrefix(host, "/") || err != nil {
		return 0
	}
	return uint16(6000 + number)
}

func split(list string) []string {
	if list == "" {
		return nil
	}
	return strings.Split(list, ",")
}
