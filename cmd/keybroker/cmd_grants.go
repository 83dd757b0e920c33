package main

import (
	"fmt"
	"time"

	"github.com/keybroker/keybroker/agent/policy"
	"github.com/keybroker/keybroker/cli"
	"github.com/keybroker/keybroker/platform"
	"github.com/keybroker/keybroker/problem"
	"github.com/spf13/cobra"
)

func newGrantsCommand(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "grants",
		Short: "List and revoke what was allowed for a while",
		Args:  cobra.NoArgs,
		RunE:  func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(newGrantsListCommand(a), newGrantsRevokeCommand(a))
	return cmd
}

func newGrantsListCommand(a *app) *cobra.Command {
	return a.TableFlags(&cobra.Command{
		Use:   "list",
		Short: "List the grants in force",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			client, err := a.client()
			if err != nil {
				return err
			}
			grants, err := client.Grants(cmd.Context())
			if err != nil {
				return notRunning(err)
			}
			return a.PrintList(cmd, grants, len(grants), "There are no grants: nothing is allowed for a while.", func(w *cli.Table) {
				w.Head("ID", "KEY", "PROGRAM", "PURPOSE", "HOST", "USER", "ENDS", "ONLY")
				for _, g := range grants {
					w.Row(g.ID, platform.Escape(g.KeyName, maxCell), platform.Escape(g.Program, maxCell), platform.Escape(g.Purpose, maxCell),
						grantHosts(g), platform.Escape(g.User, maxCell), g.Until.Local().Format(time.DateTime), burstText(g.Burst))
				}
			})
		},
	})
}

// grantHosts names a single host, or counts them; --json names them all.
func grantHosts(g policy.Grant) string {
	if len(g.Hosts) == 0 {
		return platform.Escape(g.Host.Name(), maxCell)
	}
	return fmt.Sprintf("%d hosts", len(g.Hosts))
}

func burstText(b *policy.Burst) string {
	if b == nil {
		return "-"
	}
	return fmt.Sprintf("%s (pid %d), %d more", platform.Escape(b.Command, maxCell), b.PID, b.Left)
}

func newGrantsRevokeCommand(a *app) *cobra.Command {
	var all bool
	cmd := &cobra.Command{
		Use:               "revoke ID | --all",
		Short:             "End a grant now",
		Args:              cli.AtMost(1),
		ValidArgsFunction: completeFrom(a.grantIDs),
		RunE: func(cmd *cobra.Command, args []string) error {
			if all == (len(args) == 1) {
				return cli.Usage(problem.New("give the ID of one grant, or --all", "see: keybroker grants list"))
			}
			client, err := a.client()
			if err != nil {
				return err
			}
			id := ""
			if !all {
				id = args[0]
			}
			if err := client.Revoke(cmd.Context(), id); err != nil {
				return notRunning(err)
			}
			if all {
				fmt.Fprintln(cmd.OutOrStdout(), "All grants are revoked.")
			} else {
				fmt.Fprintf(cmd.OutOrStdout(), "Grant %s is revoked.\n", platform.Escape(id, maxCell))
			}
			return nil
		},
	}
	cmd.Flags().BoolVar(&all, "all", false, "end every grant")
	return cmd
}
