package main

import (
	"os"
	"path/filepath"

	"github.com/keybroker/keybroker/cli"
	"github.com/keybroker/keybroker/sshagent"
	"github.com/spf13/cobra"
)

// newSSHAgentCommand is for --help and completion; the flags are ssh-agent's own.
func newSSHAgentCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "ssh-agent",
		Short: "Act as ssh-agent: the same command line, keys in memory only, no questions",
		Long: `Act as ssh-agent, with the command line of ssh-agent(1) from OpenSSH 9.2 to 10.
Keys live in memory and end with the agent. Every program that reaches the agent may
use them; only keys added with "ssh-add -c" need consent, by SSH_ASKPASS. The rules
of the machine's owner apply. There is no audit log; -d shows each request.

A link to keybroker with the name "ssh-agent" does the same.

` + sshagent.Usage,
		DisableFlagParsing: true,
		Annotations:        map[string]string{cli.ManEnd: manSSHAgent},
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 1 && (args[0] == "--help" || args[0] == "-h") {
				return cmd.Help()
			}
			if code := sshagent.Run(args, version); code != 0 {
				return cli.ExitStatus(code)
			}
			return nil
		},
	}
}

// calledSSHAgent reports whether the program was started under the name ssh-agent.
func calledSSHAgent() bool { return filepath.Base(os.Args[0]) == sshagent.Name }
