package main

import (
	"fmt"
	"os"
	"time"

	"github.com/keybroker/keybroker/cli"
	"github.com/keybroker/keybroker/keys"
	"github.com/keybroker/keybroker/lifecycle"
	"github.com/keybroker/keybroker/lifecycle/collect"
	"github.com/keybroker/keybroker/problem"
	"github.com/spf13/cobra"
)

func newCollectCommand(a *app) *cobra.Command {
	var root bool
	cmd := &cobra.Command{
		Use:   "collect --root",
		Short: "On a server: note who is let in to every account, and which keys were used",
		Long: `Read the authorised keys of every account of this server, and from the journal
who was let in by which key since the last run. Nothing is changed on the server.

sshd itself says which files hold for an account. Each is read with the rights of
that account, as sshd reads it: a link that a user made leads to nothing that the
user could not read. Entries of the journal count only if root's sshd wrote them.

With --store postgres://ROLE@HOST/DATABASE the rows of a fleet come together in one
place. docs/fleet.md has the rights that a collector needs, and a timer for it.`,
		Example: `  sudo keybroker collect --root
  keybroker collect --root --store postgres://web1@db.example/keys`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			switch {
			case !root:
				return cli.Usage(problem.New("it is not said what to collect", "keybroker collect --root"))
			case os.Geteuid() != 0:
				return problem.New("only root can read the files of all accounts", "sudo keybroker collect --root")
			}
			return a.collect(cmd)
		},
	}
	cmd.Flags().BoolVar(&root, "root", false, "every account of this server; needs root")
	return cmd
}

func (a *app) collect(cmd *cobra.Command) error {
	ctx := cmd.Context()
	kept, err := a.OpenStore(ctx)
	if err != nil {
		return err
	}
	defer kept.Close()
	inventory, err := collect.Machine(ctx, collect.Options{Since: func(host lifecycle.Host) (time.Time, error) {
		return kept.WatchedUntil(ctx, host, lifecycle.FromServer)
	}})
	if err != nil {
		return err
	}
	if err := kept.SaveInventory(ctx, inventory); err != nil {
		return err
	}
	_, err = fmt.Fprintf(cmd.OutOrStdout(), "%s of %s, %s of the log, %s not seen\n", keys.Counted(len(inventory.Places), "authorised key"),
		keys.Counted(len(inventory.Accounts), "account"), keys.Counted(len(inventory.Sightings), "use"), keys.Counted(len(inventory.Unseen), "place"))
	return err
}
