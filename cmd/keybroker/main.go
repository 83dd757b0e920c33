// Command keybroker holds a person's SSH keys and decides, request by request,
// which program may use one.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/keybroker/keybroker/agent/control"
	"github.com/keybroker/keybroker/broker/config"
	"github.com/keybroker/keybroker/cardadmin"
	"github.com/keybroker/keybroker/confirm"
	"github.com/keybroker/keybroker/keys"
	"github.com/keybroker/keybroker/platform/terminal"
	"github.com/keybroker/keybroker/problem"
	"github.com/keybroker/keybroker/softkeys"
	"github.com/keybroker/keybroker/softkeys/keyfile"
	"github.com/keybroker/keybroker/softkeys/sshadd"
	"github.com/keybroker/keybroker/sshagent"
	"github.com/spf13/cobra"
)

// version is set by the linker: -X main.version=…
var version = "dev"

// Exit codes.
const (
	exitDone       = 0
	exitFailed     = 1
	exitUsage      = 2
	exitRefused    = 3 // by policy or by the person
	exitNotRunning = 4

	exitInterrupted = 128 + int(syscall.SIGINT) // as in a shell
)

func main() {
	if os.Getenv(sshadd.Variable) != "" {
		os.Exit(answerSSHAdd())
	}
	if calledSSHAgent() {
		os.Exit(sshagent.Run(os.Args[1:], version))
	}
	os.Exit(run(os.Args[1:]))
}

func run(args []string) int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop) // a second Ctrl-C ends a process that hangs
	root := newRoot()
	root.SetArgs(args)
	err := root.ExecuteContext(ctx)
	if err != nil && (ctx.Err() != nil || errors.Is(err, confirm.ErrClosed)) { // by Ctrl-C, whatever the error says
		err = terminal.ErrInterrupted
	}
	if status, ok := errors.AsType[exitStatus](err); ok {
		return int(status)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "keybroker:", errorText(err))
	}
	return exitCode(err)
}

// usageError marks an error in the command line.
type usageError struct{ error }

func (e usageError) Unwrap() error { return e.error }

// refusedError marks a refusal by a rule or a person.
type refusedError struct{ error }

func (e refusedError) Unwrap() error { return e.error }

func exitCode(err error) int {
	switch {
	case err == nil:
		return exitDone
	case errors.Is(err, terminal.ErrInterrupted):
		return exitInterrupted
	case errors.Is(err, control.ErrNotRunning):
		return exitNotRunning
	case isA[usageError](err), isA[config.InvalidError](err), isA[control.InvalidError](err), isA[cardadmin.UsageError](err), errors.Is(err, keyfile.ErrStandardInput), errors.Is(err, softkeys.ErrName), errors.Is(err, softkeys.ErrSpec):
		return exitUsage
	case isA[refusedError](err), isA[cardadmin.RefusedError](err):
		return exitRefused
	default:
		return exitFailed
	}
}

func isA[T error](err error) bool {
	_, ok := errors.AsType[T](err)
	return ok
}

func newRoot() *cobra.Command {
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
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		return usageError{problem.With(flagFault(err), "see: %s --help", cmd.CommandPath())}
	})
	root.AddCommand(
		newDaemonCommand(a), newEnvCommand(a),
		newStatusCommand(a), newDoctorCommand(a), newWhyCommand(a), newLockCommand(a), newUnlockCommand(a), newPauseCommand(a), newResumeCommand(a),
		newKeysCommand(a), newCardCommand(a), newPolicyCommand(a), newGrantsCommand(a), newShowCommand(a), newLogCommand(a), newTrayCommand(a), newApproveCommand(a),
		newManCommand(), newSSHAgentCommand(),
	)
	root.InitDefaultHelpCmd()
	root.InitDefaultCompletionCmd()
	forEach(root, refuseUnknownTopics)
	forEach(root, completeNoFiles)
	forEach(root, wrapUsage)
	forEach(root, sayNeedsBroker)
	return root
}

// refuseUnknownTopics makes "help bogus" and "completion tcsh" fail and list the
// choices. Cobra would print a help text and succeed.
func refuseUnknownTopics(cmd *cobra.Command) {
	switch {
	case cmd.Name() == "help" && cmd.Parent() == cmd.Root():
		cmd.Args = func(cmd *cobra.Command, args []string) error {
			found, rest, err := cmd.Root().Find(args)
			if err == nil && len(rest) > 0 && found.HasSubCommands() {
				err = fmt.Errorf("unknown command %q for %q", rest[0], found.CommandPath())
			}
			return err
		}
	case cmd.Name() == "completion" && cmd.Parent() == cmd.Root():
		var shells []string
		for _, sub := range cmd.Commands() {
			shells = append(shells, sub.Name())
		}
		cmd.Args = func(_ *cobra.Command, args []string) error {
			if len(args) > 0 {
				return fmt.Errorf("there is no completion for %q: use %s", args[0], keys.Alternatives(shells))
			}
			return nil
		}
		cmd.RunE = func(cmd *cobra.Command, _ []string) error { return cmd.Help() }
	}
}

// wrapUsage gives errors in arguments and flags the exit code for wrong usage.
func wrapUsage(cmd *cobra.Command) {
	check := cmd.Args
	if check == nil {
		return
	}
	if !cmd.HasSubCommands() && cmd.Use == cmd.Name() && !cmd.DisableFlagParsing {
		own := check
		check = func(cmd *cobra.Command, args []string) error {
			if len(args) > 0 { // cobra would treat an extra argument as a command
				return atMost(0)(cmd, args)
			}
			return own(cmd, args)
		}
	}
	cmd.Args = func(cmd *cobra.Command, args []string) error {
		err := check(cmd, args)
		if err == nil {
			err = cmd.ValidateRequiredFlags()
		}
		if err == nil {
			err = cmd.ValidateFlagGroups()
		}
		if err != nil {
			return usageError{problem.With(err, "see: %s --help", cmd.CommandPath())}
		}
		return nil
	}
}

func forEach(cmd *cobra.Command, do func(*cobra.Command)) {
	do(cmd)
	for _, sub := range cmd.Commands() {
		forEach(sub, do)
	}
}
