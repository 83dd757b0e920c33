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
		Long: `Run the broker in the foreground until SIGTERM or Ctrl-C. On SIGHUP it reads its
rules again, as with "keybroker policy reload", and asks first if they allow more.
A service manager can start it; it uses the sockets that systemd passes (named
"agent" and "control").

If you start it in a terminal without a desktop, it asks its questions in that
terminal and ends when the terminal is closed. In the background it asks in the
terminal where "keybroker approve" runs.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			b, err := a.newBroker()
			if err != nil {
				broker.TurnAway(err)
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
	cmd.Flags().BoolVar(&welcome, "welcome", false, "offer to make the first key, and show the next step")
	return cmd
}

func (a *app) newBroker() (*broker.Broker, error) {
	if err := a.load(); err != nil {
		return nil, err
	}
	return broker.New(broker.Config{Config: a.config, Named: a.configFile != "", Version: version})
}
