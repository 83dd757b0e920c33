package main

import (
	"os"
	"os/exec"

	"github.com/keybroker/keybroker/piv/admin"
	"github.com/spf13/cobra"
)

// newCardHelperCommand is the process that another card command starts for one
// operation on a YubiKey: see piv/admin.
func newCardHelperCommand() *cobra.Command {
	return &cobra.Command{
		Use:    "helper",
		Short:  "Do one operation from standard input (for the other card commands)",
		Hidden: true,
		Args:   cobra.NoArgs,
		RunE:   func(*cobra.Command, []string) error { return admin.Serve(os.Stdin, os.Stdout) },
	}
}

// helperCommand runs this program as the helper.
func helperCommand() *exec.Cmd {
	program, err := os.Executable()
	cmd := exec.Command(program, "card", "helper")
	cmd.Args[0] = os.Args[0]
	if err != nil {
		cmd.Err = err
	}
	return cmd
}
