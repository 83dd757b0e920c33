package main

import (
	"fmt"

	"github.com/keybroker/keybroker/cli"
	"github.com/keybroker/keybroker/problem"
	"github.com/spf13/cobra"
)

func newEnvCommand(a *app) *cobra.Command {
	var shell, socket string
	cmd := &cobra.Command{
		Use:   "env",
		Short: "Print the line that sets SSH_AUTH_SOCK",
		Long: `Print the line that sets SSH_AUTH_SOCK, for the shell to evaluate:

  eval "$(keybroker env)"                                  sh, bash, zsh, ksh
  keybroker env --shell csh | source /dev/stdin            csh, tcsh
  keybroker env --shell fish | source                      fish
  keybroker env --shell powershell | Invoke-Expression     PowerShell`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			path, err := a.socketNamed(socket)
			if err != nil {
				return err
			}
			fmt.Fprintln(cmd.OutOrStdout(), cli.SetVariable(shell, "SSH_AUTH_SOCK", path))
			return nil
		},
	}
	shell = cli.DefaultShell()
	cli.ChoiceFlag(cmd, &shell, "shell", "", "", cli.Shells...)
	cmd.Flags().StringVar(&socket, "socket", "", "name of a [[socket]] of the configuration, instead of the agent's own")
	completeFlag(cmd, "socket", a.socketNames)
	return cmd
}

// socketNamed is the path of the agent's socket, or of the named [[socket]].
func (a *app) socketNamed(name string) (string, error) {
	if name == "" {
		err := a.locate()
		return a.config.Paths.AgentSocket, err
	}
	if err := a.load(); err != nil {
		return "", err
	}
	for _, s := range a.config.Sockets {
		if s.Name == name {
			return a.config.SocketPath(s)
		}
	}
	return "", cli.Usage(problem.With(fmt.Errorf("there is no socket %q", name), "add a [[socket]] table to %s", a.config.Paths.ConfigFile))
}
