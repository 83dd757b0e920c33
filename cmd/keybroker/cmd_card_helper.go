package main

import (
	"os"
	"os/exec"

	"github.com/keybroker/keybroker/piv/admin"
	"github.com/spf13/cobra"
)

// newCardHelperCommand is the process that does one operation on a YubiKey for
// another card command, which starts it: see piv/admin.
func newCardHelperCommand() *cobra.Command {
	return &cobra.Command{
		Use:    "helper",
		Short:  "Do one operation that comes on standard input (for the other card commands)",
		Hidden: true,
		Args:   cobra.NoArgs,
		RunE:   func(*cobra.Command, []string) error { return admin.Serve(os.Stdin, os.Stdout) },
	}
}

// helperCommand is this program as the helper.
func helperCommand() *exec.Cmd {
	program, err := os.Executable()
	cmd := exec.Command(program, "card", "helper")
	cmd.Args[0] = os.Args[0]
	if err != nil {
		cmd.Err = err
	}
	return cmd
}
