package main

import (
	"github.com/keybroker/keybroker/cli"
	"github.com/keybroker/keybroker/lifecycle/plan"
	"github.com/spf13/cobra"
)

func newTerminateCommand(a *app, planOnly bool) *cobra.Command {
	c := &carrier{app: a, planOnly: planOnly}
	var g going
	cmd := c.flags(&cobra.Command{
		Use:   "terminate KEY [ACCOUNT@HOST...]",
		Short: "Take a key away from hosts, and prove that the servers refuse it",
		Long: `Take a key away: at the places named, or wherever the last inventory saw it and at every
forge of yours that lists it ([[forge]] in config.toml). Every line with the key is
commented out, and "keybroker restore" brings them back for 30 days. Afterwards
"keybroker apply --resume" takes them out. For a stolen key give --now. A forge cannot
comment a key out: it is deleted at once, and "keybroker restore" adds it again.

The proof is the server's own word: it accepted the key before and refuses it after,
while another key of yours gets in; a forge lists it no more. The last door that is
proved to be open to you is never closed. Sessions that are open stay open.

A key that was terminated everywhere is remembered for ever: met again at an inventory,
it is an alarm, and "keybroker provision" refuses it.`,
		Example: `  keybroker terminate anna@old --dry-run
  keybroker terminate laptop deploy@web1 root@db1 https://git.example.com
  keybroker terminate stolen.pub --now`,
		Args:              g.args(c, 1),
		ValidArgsFunction: c.completeKeys,
		RunE: c.with(func(cmd *cobra.Command, args []string) error {
			if g.resume != "" {
				return c.resume(cmd, g.resume)
			}
			p, err := c.goes(cmd.Context(), plan.Terminate, args[0], args[1:], g)
			if err != nil {
				return err
			}
			return c.carry(cmd, p)
		}),
	})
	cmd.Flags().BoolVar(&g.now, "now", false, "take the lines out at once: nothing can be restored")
	cmd.Flags().StringVar(&g.keep, "keep", "30d", "how long the lines stay commented out")
	if !planOnly {
		cmd.Flags().StringVar(&g.resume, "resume", "", "go on with a plan")
	}
	c.completeFlags(cmd)
	return cmd
}

func newRestoreCommand(a *app, planOnly bool) *cobra.Command {
	c := &carrier{app: a, planOnly: planOnly}
	cmd := c.flags(&cobra.Command{
		Use:   "restore PLAN",
		Short: "Bring back what terminate or rotate has commented out",
		Long: `Bring back the lines that a plan has commented out, to the byte. For a rotation it also
puts ssh_config and git back and takes the new key's lines out. It is possible until
the quarantine has ended and the lines are gone.`,
		Example: `  keybroker restore t-9k2m4q --dry-run`,
		Args:    cli.ExactArgs(1),
		RunE:    c.with(func(cmd *cobra.Command, args []string) error { return c.takeBack(cmd, args[0]) }),

		ValidArgsFunction: c.completePlans,
	})
	c.completeFlags(cmd)
	return cmd
}
