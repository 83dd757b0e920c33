package main

import (
	"fmt"

	"github.com/keybroker/keybroker/cli"
	"github.com/keybroker/keybroker/service"
	"github.com/spf13/cobra"
)

// accountFlags name a service account.
type accountFlags struct {
	system bool
	name   string
}

func (f *accountFlags) register(cmd *cobra.Command) {
	cmd.Flags().BoolVar(&f.system, "system", false, "a service of the system for the account --user, as root (Linux)")
	cmd.Flags().StringVar(&f.name, "user", "", "with --system: the `account` whose programs use the broker")
	cmd.MarkFlagsRequiredTogether("system", "user")
	cli.CompleteFixed(cmd, "user")
}

func (f *accountFlags) install(cmd *cobra.Command, flags *planFlags) error {
	account, err := service.OfAccount(f.name, version)
	if err != nil {
		return err
	}
	plan, err := account.Install(cmd.Context())
	if err != nil {
		return err
	}
	done, err := flags.carryOut(cmd, plan, "Install this?", "nothing to change: it is installed")
	if done {
		fmt.Fprintf(cmd.OutOrStdout(), "It is installed. For programs of %s: SSH_AUTH_SOCK=%s\nIts commands, as root: keybroker service run %s status; its rules: %s\n", f.name, account.Socket(), f.name, account.Config())
	}
	return err
}

func (f *accountFlags) uninstall(cmd *cobra.Command, flags *planFlags) error {
	account, err := service.OfAccount(f.name, version)
	if err != nil {
		return err
	}
	plan, err := account.Uninstall(cmd.Context())
	if err != nil {
		return err
	}
	done, err := flags.carryOut(cmd, plan, "Remove this?", "nothing of it is left")
	if done {
		fmt.Fprintln(cmd.OutOrStdout(), "It was removed.")
	}
	return err
}

func newServiceRunCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "run ACCOUNT COMMAND [ARG …]",
		Short: "Run a keybroker command as a service account, with its keys, rules and log",
		Long: `Run a keybroker command as the service account that "service install --system --user"
has set up, with the account's keys, rules and log. It needs root.

  keybroker service run deploy status
  keybroker service run deploy keys generate deploy`,
		Args: cobra.MinimumNArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			account, err := service.OfAccount(args[0], version)
			if err != nil {
				return err
			}
			account.Start(cmd.Context())
			code, err := account.Run(args[1:])
			if err == nil && code != cli.ExitDone {
				return cli.ExitStatus(code)
			}
			return err
		},
	}
	cmd.Flags().SetInterspersed(false) // what follows the account is the command's
	return cmd
}
