package main

import (
	"fmt"
	"time"

	"github.com/keybroker/keybroker/agent/control"
	"github.com/keybroker/keybroker/cli"
	"github.com/keybroker/keybroker/keys"
	"github.com/spf13/cobra"
)

func newShowCommand(a *app) *cobra.Command {
	var list bool
	cmd := a.TableFlags(&cobra.Command{
		Use:   "show [ID]",
		Short: "Show the question of a program in the background",
		Long: `Show the held question of a program in the background (see [confirm] background in
the configuration): the one with that ID, or the oldest. It appears in the usual
place; this command does not answer it.`,
		Args:              cli.AtMost(1),
		ValidArgsFunction: completeFrom(a.waitingIDs),
		RunE: func(cmd *cobra.Command, args []string) error {
			client, err := a.client()
			if err != nil {
				return err
			}
			if !list {
				return a.show(cmd, client, append(args, "")[0])
			}
			waiting, err := client.Waiting(cmd.Context())
			if err != nil {
				return notRunning(err)
			}
			return a.PrintList(cmd, waiting, len(waiting), "No question is waiting.", func(w *cli.Table) {
				w.Head("ID", "STATE", "SINCE", "WHAT", "PROGRAM")
				for _, one := range waiting {
					state := "waits"
					if one.Held {
						state = "held"
					}
					w.Row(one.ID, state, keys.Ago(time.Now(), one.Since), one.Title, one.Program)
				}
			})
		},
	})
	cmd.Flags().BoolVar(&list, "list", false, "list waiting and held questions instead")
	return cmd
}

func (a *app) show(cmd *cobra.Command, client *control.Client, id string) error {
	if err := client.Show(cmd.Context(), id); err != nil {
		return notRunning(err)
	}
	fmt.Fprintln(cmd.OutOrStdout(), "The question is shown.")
	return nil
}
