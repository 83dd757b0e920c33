package main

import (
	"fmt"
	"io"

	"github.com/keybroker/keybroker/agent/control"
	"github.com/keybroker/keybroker/platform"
	"github.com/spf13/cobra"
)

func newRelayCommand(a *app) *cobra.Command {
	var socket string
	cmd := &cobra.Command{
		Use:   "relay",
		Short: "Join standard input and output to the agent's socket",
		Long: `Join standard input and output to the agent's socket, for a program that cannot open
it, such as socat in WSL:

  socat UNIX-LISTEN:$SSH_AUTH_SOCK,fork EXEC:"keybroker.exe relay",nofork

For the broker the program that asks is then keybroker. docs/windows.md tells more.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			path, err := a.socketNamed(socket)
			if err != nil {
				return err
			}
			conn, err := platform.Dial(cmd.Context(), path)
			if err != nil {
				return fmt.Errorf("%w (%w)", control.ErrNotRunning, err)
			}
			defer conn.Close()
			go func() {
				_, _ = io.Copy(conn, cmd.InOrStdin())
				_ = conn.Close() // the client has hung up
			}()
			_, _ = io.Copy(cmd.OutOrStdout(), conn)
			return nil
		},
	}
	cmd.Flags().StringVar(&socket, "socket", "", "name of a [[socket]] of the configuration, instead of the agent's own")
	completeFlag(cmd, "socket", a.socketNames)
	return cmd
}
