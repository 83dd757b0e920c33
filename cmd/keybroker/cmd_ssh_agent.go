package main

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/keybroker/keybroker/sshagent"
	"github.com/spf13/cobra"
)

// newSSHAgentCommand is for --help and completion; the flags are ssh-agent's own.
func newSSHAgentCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "ssh-agent",
		Short: "Be ssh-agent: the same command line, keys in memory only, no questions",
		Long: `Be ssh-agent, with the command line of ssh-agent(1) from OpenSSH 9.2 to 10:
keys live in memory and end with the agent, what holds a key may use it, and only
keys that were added with "ssh-add -c" are asked for, by SSH_ASKPASS. Rules of the
machine's owner hold. No audit log is kept; -d shows each request.

A link to keybroker with the name "ssh-agent" does the same.

` + sshagent.Usage,
		DisableFlagParsing: true,
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 1 && (args[0] == "--help" || args[0] == "-h") {
				return cmd.Help()
			}
			if code := sshagent.Run(args, version); code != 0 {
				return exitStatus(code)
			}
			return nil
		},
	}
}

// exitStatus ends the program with a code of ssh-agent's; everything is said already.
type exitStatus int

func (e exitStatus) Error() string { return fmt.Sprintf("exit status %d", int(e)) }

// calledSSHAgent says whether the program was started by that name.
func calledSSHAgent() bool { return filepath.Base(os.Args[0]) == sshagent.Name }
