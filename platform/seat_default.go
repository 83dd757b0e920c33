//go:build !linux

package platform

import (
	"os"

	"github.com/keybroker/keybroker/problem"
)

// errNoSeat is for systems on which no tested way exists to inspect another process's
// terminal.
var errNoSeat = problem.New("answering on another terminal works on Linux only so far", "run the daemon in a terminal, or see [confirm] prompt")

func openTerminal(Peer) (*os.File, error) { return nil, errNoSeat }
func sits(Peer) error                     { return errNoSeat }
func announce(string, string) error       { return errNoSeat }
func leaveTerminal(*os.File) error        { return nil }
