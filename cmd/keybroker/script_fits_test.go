//go:build linux

package main

import (
	"cmp"
	"errors"
	"os"
	"os/exec"
	"strconv"
	"strings"

	"github.com/jedib0t/go-pretty/v6/text"
	"github.com/rogpeppe/go-internal/testscript"
	"golang.org/x/sys/unix"
)

// cmdFits is "fits COLUMNS CODE PROGRAM [ARG …]": runs a program on a terminal of that
// width. It must end with that exit code, and no line of it may be wider. What it
// showed is in the file "screen".
func cmdFits(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 3 {
		ts.Fatalf("usage: fits COLUMNS CODE PROGRAM [ARG …]")
	}
	columns, err := strconv.Atoi(args[0])
	ts.Check(err)
	cmd := exec.Command(commandPath(ts, args[2]), args[3:]...)
	cmd.Dir, cmd.Env = ts.MkAbs("."), append(environ(ts), "TERM="+cmp.Or(ts.Getenv("TERM"), "xterm"), "NO_COLOR="+ts.Getenv("NO_COLOR"))
	shown := onTerminal(ts, cmd, columns)
	ts.Check(os.WriteFile(ts.MkAbs("screen"), []byte(shown), 0o600))
	if code := cmd.ProcessState.ExitCode(); strconv.Itoa(code) != args[1] {
		ts.Fatalf("exit code %d, not %s; the screen:\n%s", code, args[1], shown)
	}
	for line := range strings.Lines(shown) {
		if width := text.StringWidthWithoutEscSequences(strings.TrimRight(line, "\n")); width > columns {
			ts.Fatalf("a line of %d columns on a terminal of %d:\n%s", width, columns, shown)
		}
	}
}

func onTerminal(ts *testscript.TestScript, cmd *exec.Cmd, columns int) (shown string) {
	s, err := newScreen(cmd)
	ts.Check(err)
	ts.Check(unix.IoctlSetWinsize(int(s.keys.Fd()), unix.TIOCSWINSZ, &unix.Winsize{Row: 50, Col: uint16(columns)}))
	cmd.Stdout, cmd.Stderr = s.tty, s.tty
	err = cmd.Run()
	if exit := (*exec.ExitError)(nil); err != nil && !errors.As(err, &exit) {
		ts.Fatalf("%v", err)
	}
	s.tty.Close()
	<-s.done // everything that it showed was read
	s.keys.Close()
	return strings.ReplaceAll(s.seen(), "\r\n", "\n")
}
