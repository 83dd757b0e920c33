package main

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"

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
			fmt.Fprintln(cmd.OutOrStdout(), envLine(shell, path))
			return nil
		},
	}
	shell = defaultShell()
	cli.ChoiceFlag(cmd, &shell, "shell", "", "", "sh", "bash", "zsh", "ksh", "csh", "tcsh", "fish", "powershell")
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

func defaultShell() string {
	switch filepath.Base(os.Getenv("SHELL")) {
	case "csh", "tcsh":
		return "csh"
	case "fish":
		return "fish"
	}
	if runtime.GOOS == "windows" {
		return "powershell"
	}
	return "sh"
}

// envLine treats every unknown shell as a Bourne shell.
func envLine(shell, socket string) string {
	switch shell {
	case "csh", "tcsh":
		return "setenv SSH_AUTH_SOCK " + quote(socket, `'\''`) + ";"
	case "fish":
		return "set -gx SSH_AUTH_SOCK " + quote(strings.ReplaceAll(socket, `\`, `\\`), `\'`) + ";"
	case "powershell":
		return "$env:SSH_AUTH_SOCK = " + quote(socket, "''")
	}
	return "SSH_AUTH_SOCK=" + quote(socket, `'\''`) + "; export SSH_AUTH_SOCK;"
}

// quote puts single quotes around s, and replaces those within by quote.
func quote(s, quote string) string { return "'" + strings.ReplaceAll(s, "'", quote) + "'" }
