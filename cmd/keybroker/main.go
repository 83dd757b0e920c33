// Command keybroker holds a person's SSH keys and decides, request by request,
// which program may use one.
package main

import (
	"errors"
	"os"

	"github.com/keybroker/keybroker/agent/control"
	"github.com/keybroker/keybroker/broker/config"
	"github.com/keybroker/keybroker/cardadmin"
	"github.com/keybroker/keybroker/cli"
	programversion "github.com/keybroker/keybroker/cli/version"
	"github.com/keybroker/keybroker/confirm"
	"github.com/keybroker/keybroker/softkeys"
	"github.com/keybroker/keybroker/softkeys/keyfile"
	"github.com/keybroker/keybroker/softkeys/sshadd"
	"github.com/keybroker/keybroker/sshagent"
	"github.com/spf13/cobra"
)

var version = programversion.String()

func main() {
	if os.Getenv(sshadd.Variable) != "" {
		os.Exit(answerSSHAdd())
	}
	if calledSSHAgent() {
		os.Exit(sshagent.Run(os.Args[1:], version))
	}
	os.Exit(cli.Run(newRoot(os.Args[1:]), os.Args[1:], errorText, exitCode))
}

func exitCode(err error) int {
	switch {
	case errors.Is(err, confirm.ErrClosed): // the person closed the question
		return cli.ExitInterrupted
	case errors.Is(err, control.ErrNotRunning):
		return cli.ExitNotRunning
	case cli.IsA[config.InvalidError](err), cli.IsA[control.InvalidError](err), cli.IsA[cardadmin.UsageError](err), errors.Is(err, keyfile.ErrStandardInput), errors.Is(err, softkeys.ErrName), errors.Is(err, softkeys.ErrSpec):
		return cli.ExitUsage
	case cli.IsA[control.RefusedError](err), cli.IsA[cardadmin.RefusedError](err):
		return cli.ExitRefused
	default:
		return cli.ExitCode(err)
	}
}

// newRoot makes all commands, but only the daemon's if args name that: to make them is a
// tenth of its start.
func newRoot(args []string) *cobra.Command {
	a := new(app)
	root := &cobra.Command{
		Use:   "keybroker",
		Short: "Hold SSH keys and decide, request by request, which program may use one",
		Long: `keybroker is an ssh-agent (RFC 9987) that asks before a key is used, shows who
asks, where the signature goes and what is signed, and writes every request to
an audit log.

Start it with "keybroker daemon", then: eval "$(keybroker env)"`,
		Version:       version,
		SilenceErrors: true,
		SilenceUsage:  true,
		Args:          cobra.NoArgs,
		RunE:          func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	root.PersistentFlags().StringVar(&a.configFile, "config", "", "configuration file (default: config.toml in the user's configuration directory)")
	daemon := newDaemonCommand(a)
	root.AddCommand(daemon)
	if len(args) == 0 || args[0] != daemon.Name() {
		root.AddCommand(otherCommands(a)...)
	}
	cli.Prepare(root)
	cli.ForEach(root, sayNeedsBroker)
	return root
}

func otherCommands(a *app) []*cobra.Command {
	return append(newLifecycleCommands(a),
		newEnvCommand(a), newRelayCommand(a),
		newStatusCommand(a), newDoctorCommand(a), newWhyCommand(a), newLockCommand(a), newUnlockCommand(a), newPauseCommand(a), newResumeCommand(a),
		newKeysCommand(a), newCardCommand(a), newPolicyCommand(a), newGrantsCommand(a), newShowCommand(a), newLogCommand(a), newTrayCommand(a), newApproveCommand(a),
		newServiceCommand(a), newVersionCommand(a), newManCommand(), newSSHAgentCommand(),
	)
}
