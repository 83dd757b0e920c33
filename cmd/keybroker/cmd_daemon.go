package main

import (
	"github.com/keybroker/keybroker/broker"
	"github.com/spf13/cobra"
)

func newDaemonCommand(a *app) *cobra.Command {
	var welcome bool
	cmd := &cobra.Command{
		Use:   "daemon",
		Short: "Run the broker in the foreground",
		Long: `Run the broker in the foreground until SIGTERM or Ctrl-C. SIGHUP makes it read
its rules again, as "keybroker policy reload" does; those that allow more are
asked about first. A service manager starts it; sockets that systemd passes
(named "agent" and "control") are used.

Started in a terminal without a desktop, it asks its questions in that terminal,
and ends when that is closed. In the background, it asks in a terminal that
"keybroker approve" names to it.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := a.load(); err != nil {
				return err
			}
			b, err := broker.New(broker.Config{Config: a.config, Named: a.configFile != "", Version: version})
			if err != nil {
				return err
			}
			defer b.Close()
			if welcome {
				if err := a.welcome(cmd.Context(), b); err != nil {
					return err
				}
			}
			return b.Run(cmd.Context())
		},
	}
	cmd.Flags().BoolVar(&welcome, "welcome", false, "offer to make the first key, and say the next step")
	return cmd
}
