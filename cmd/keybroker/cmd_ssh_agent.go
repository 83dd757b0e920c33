package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/keybroker/keybroker/platform"
	"github.com/spf13/cobra"
)

// sshAgentName is the name under which the program is ssh-agent.
const sshAgentName = "ssh-agent"

const sshAgentUsage = `usage: ssh-agent [-c | -s] [-DdTU] [-a bind_address] [-E fingerprint_hash]
                 [-O option] [-P allowed_providers] [-t life]
       ssh-agent [-TU] [-a bind_address] [-E fingerprint_hash] [-O option]
                 [-P allowed_providers] [-t life] command [arg ...]
       ssh-agent [-c | -s] -k
       ssh-agent -u
       ssh-agent -V
`

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

` + sshAgentUsage,
		DisableFlagParsing: true,
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 1 && (args[0] == "--help" || args[0] == "-h") {
				return cmd.Help()
			}
			if code := runSSHAgent(args); code != 0 {
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
func calledSSHAgent() bool { return filepath.Base(os.Args[0]) == sshAgentName }

// runSSHAgent returns ssh-agent's exit codes: 1 for every fault.
func runSSHAgent(args []string) int {
	o, err := parseSSHAgent(args)
	if err == nil {
		code := 0
		if code, err = o.run(); err == nil {
			return code
		}
	}
	if err.Error() != errSSHAgentUsage.Error() {
		fmt.Fprintln(os.Stderr, "ssh-agent:", platform.Plain(err))
	}
	if errors.Is(err, errSSHAgentUsage) {
		fmt.Fprint(os.Stderr, sshAgentUsage)
	}
	return exitFailed
}
