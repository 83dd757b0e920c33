package main

import (
	"errors"
	"fmt"

	"github.com/keybroker/keybroker/agent/control"
	"github.com/keybroker/keybroker/broker"
	"github.com/keybroker/keybroker/cli"
	"github.com/keybroker/keybroker/keys"
	"github.com/keybroker/keybroker/platform"
	"github.com/keybroker/keybroker/platform/terminal"
	"github.com/keybroker/keybroker/softkeys"
	"github.com/spf13/cobra"
)

// A key's name decides which rules apply to it. So renaming needs the vault's secret, and
// the audit log records who asked.

func newKeysRenameCommand(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "rename OLD NEW",
		Short: "Give a key another name",
		Long: `Give a key another name. Rules for the old name no longer apply to it. Renaming
needs the vault's secret, so it asks for the passphrase if the vault has one. It
is recorded in the audit log.`,
		Args:              cli.ExactArgs(2),
		ValidArgsFunction: a.completeNames,
		RunE: a.withStore(func(cmd *cobra.Command, store *softkeys.Store, args []string) error {
			old, err := sealedName(store, args[0], true)
			if err != nil {
				return err
			}
			renaming := control.Renaming{Old: old, New: args[1]}
			err = store.Rename(cmd.Context(), old, args[1], func(info keys.Info) error {
				renaming.Fingerprint = info.Fingerprint
				return broker.RecordRenaming(cmd.Context(), &a.config, info, renaming)
			})
			return printRenaming(cmd, renaming, err)
		}),
	}
}

func newKeysRepairCommand(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "repair NAME",
		Short: "Restore the public half of a key from the sealed key",
		Long: `Restore NAME.pub from NAME.age, the sealed key, after it was lost or changed. If
NAME.mac does not prove that the sealed key had this name and is yours, the command
shows the key and asks you. It needs the vault's secret, and is recorded in the
audit log.`,
		Args:              cli.ExactArgs(1),
		ValidArgsFunction: a.completeNames,
		RunE: a.withStore(func(cmd *cobra.Command, store *softkeys.Store, args []string) error {
			renaming := control.Renaming{Old: args[0], New: args[0]}
			err := store.Repair(cmd.Context(), args[0], func(info keys.Info, proved bool) error {
				if err := vouched(cmd, info, proved); err != nil {
					return err
				}
				renaming.Vouched, renaming.Fingerprint = !proved, info.Fingerprint
				return broker.RecordRenaming(cmd.Context(), &a.config, info, renaming)
			})
			return printRenaming(cmd, renaming, err)
		}),
	}
}

// printRenaming says what was done.
func printRenaming(cmd *cobra.Command, renaming control.Renaming, err error) error {
	if err == nil {
		fmt.Fprintf(cmd.OutOrStdout(), "%s.\n", renaming.Done())
	}
	return err
}

// vouched asks whether an unproved key is the person's.
func vouched(cmd *cobra.Command, info keys.Info, proved bool) error {
	if proved {
		return nil
	}
	fmt.Fprintf(cmd.ErrOrStderr(), "%s.age holds %s %s (%s).\nNothing proves that it is yours: another program could have put it there.\n",
		info.Name, info.PublicKey.Type(), info.Fingerprint, platform.Escape(info.Comment, maxCell))
	yes, err := terminal.Confirm(cmd.Context(), "Is this the fingerprint of your key?")
	if err == nil && !yes {
		err = cli.Refused(errors.New("nothing was changed"))
	}
	return err
}
