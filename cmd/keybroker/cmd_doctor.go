package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/jedib0t/go-pretty/v6/text"
	"github.com/keybroker/keybroker/broker/doctor"
	"github.com/keybroker/keybroker/cli"
	"github.com/keybroker/keybroker/platform"
	"github.com/keybroker/keybroker/platform/terminal"
	"github.com/spf13/cobra"
)

func newDoctorCommand(a *app) *cobra.Command {
	var fix, yes bool
	var sshConfig string
	cmd := a.TableFlags(&cobra.Command{
		Use:   "doctor [HOST]",
		Short: "Check everything that a signature needs, and say what to fix",
		Long: `Check everything that a signature needs, and say what to fix. With HOST, as you
would give it to ssh, also say what a login there would do: which settings of ssh
keep it from the broker, and what the rules say of each key.

Nobody is asked, nothing is signed, and nothing is sent to a card or to a host. ssh -G
reads your ssh_config; it runs the commands of "Match exec", as each ssh does.

"note" is worth knowing, "FAIL" is in the way of a signature: then the exit code is 1.
--fix makes the repairs that are safe: it shows each one with the command that undoes
it, and asks.`,
		Example: `  keybroker doctor
  keybroker doctor git@git.example.com
  keybroker doctor --fix`,
		Args: cli.AtMost(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			patient := doctor.Patient{Err: a.load(), Version: version, Person: atTerminal{}, SSHConfig: sshConfig}
			patient.Config = a.config
			if len(args) == 1 {
				patient.Host = args[0]
			}
			checks := doctor.Examine(cmd.Context(), patient)
			if fix {
				if err := fixAll(cmd.Context(), cmd, checks, yes); err != nil {
					return err
				}
				checks = doctor.Examine(cmd.Context(), patient)
			}
			if err := a.Print(cmd, checks, func(w *cli.Table) { printChecks(w, checks) }); err != nil {
				return err
			}
			for _, c := range checks {
				if c.Result == "FAIL" {
					return errors.New("something is wrong, see above")
				}
			}
			return nil
		},
	})
	cmd.Flags().BoolVar(&fix, "fix", false, "make the repairs that are safe, after a question for each")
	cmd.Flags().BoolVar(&yes, "yes", false, "with --fix: do not ask")
	cmd.Flags().StringVarP(&sshConfig, "ssh-config", "F", "", "ssh's configuration, as in ssh -F")
	return cmd
}

// fixAll makes the repairs that the person agrees to.
func fixAll(ctx context.Context, cmd *cobra.Command, checks []doctor.Check, yes bool) error {
	out := cmd.ErrOrStderr()
	for _, c := range checks {
		if c.Fix == nil {
			continue
		}
		fmt.Fprintln(out, cli.Escaped(fmt.Sprintf("%s: %s\n  do:   %s\n  undo: %s", c.Name, c.Text, c.Fix.What, c.Fix.Undo)))
		agreed := yes
		if !yes {
			var err error
			if agreed, err = terminal.Confirm(ctx, "Do it?"); err != nil {
				return err
			}
		}
		if !agreed {
			continue
		}
		if err := c.Fix.Do(); err != nil {
			fmt.Fprintf(out, "  it failed: %s\n", platform.Plain(err))
		} else {
			fmt.Fprintln(out, "  done")
		}
	}
	return nil
}

func printChecks(w *cli.Table, checks []doctor.Check) {
	w.Paint(0, map[string]text.Color{"ok": text.FgGreen, "note": text.FgYellow, "FAIL": text.FgRed})
	for _, c := range checks {
		w.Row(c.Result, c.Name, c.Text)
		if c.Remedy != "" {
			w.Below("→ " + c.Remedy)
		}
		if c.Fix != nil {
			w.Below("→ or: keybroker doctor --fix")
		}
	}
}
