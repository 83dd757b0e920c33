// Package cli is what the command lines of keybroker share: tables that fit the
// terminal, --json, flags with a set of values, clear errors for wrong usage, and exit
// codes.
package cli

import (
	"cmp"
	"fmt"
	"strings"

	"github.com/keybroker/keybroker/keys"
	"github.com/keybroker/keybroker/problem"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// maxCell bounds a text that somebody else chose, in a message of one line.
const maxCell = 60

// fileFlags are the flags whose value is the name of a file.
var fileFlags = map[string]bool{"config": true, "root": true, "out": true, "token-file": true, "signers": true, "approval": true, "hosts-from": true, "compare": true, "certificate": true, "state": true, "checkpoint": true, "archive": true, "allowed-signers": true}

// Prepare finishes a root command whose commands are all added: errors in the command
// line are clear and have an exit code, and the shell offers files only for files.
func Prepare(root *cobra.Command) {
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		return Usage(problem.With(flagFault(err), "see: %s --help", cmd.CommandPath()))
	})
	root.InitDefaultHelpCmd()
	root.InitDefaultCompletionCmd()
	ForEach(root, refuseUnknownTopics)
	ForEach(root, completeNoFiles)
	ForEach(root, wrapUsage)
}

// ForEach calls do for cmd and every command below it.
func ForEach(cmd *cobra.Command, do func(*cobra.Command)) {
	do(cmd)
	for _, sub := range cmd.Commands() {
		ForEach(sub, do)
	}
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
				return AtMost(0)(cmd, args)
			}
			return own(cmd, args)
		}
	}
	cmd.Args = func(cmd *cobra.Command, args []string) error {
		err := check(cmd, args)
		if err == nil {
			err = cmp.Or(cmd.ValidateRequiredFlags(), cmd.ValidateFlagGroups())
			if err != nil {
				err = groupFault(err)
			}
		}
		if err != nil {
			return Usage(problem.With(err, "see: %s --help", cmd.CommandPath()))
		}
		return nil
	}
}

// completeNoFiles keeps the shell from offering files for arguments that are not files.
func completeNoFiles(cmd *cobra.Command) {
	if cmd.ValidArgsFunction == nil && !strings.Contains(cmd.Use, " ") {
		cmd.ValidArgsFunction = cobra.NoFileCompletions
	}
	cmd.LocalFlags().VisitAll(func(flag *pflag.Flag) {
		if !fileFlags[flag.Name] {
			_ = cmd.RegisterFlagCompletionFunc(flag.Name, cobra.NoFileCompletions) // fails if the flag has a completion, which stays
		}
	})
}
