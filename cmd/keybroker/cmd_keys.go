package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/keybroker/keybroker/agent/control"
	"github.com/keybroker/keybroker/broker"
	"github.com/keybroker/keybroker/cli"
	"github.com/keybroker/keybroker/keys"
	"github.com/keybroker/keybroker/platform"
	"github.com/keybroker/keybroker/platform/terminal"
	"github.com/keybroker/keybroker/softkeys"
	"github.com/spf13/cobra"
)

func newKeysCommand(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "keys",
		Short: "Make, import and manage keys",
		Args:  cobra.NoArgs,
		RunE:  func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(newKeysListCommand(a), newKeysGenerateCommand(a), newKeysImportCommand(a), newKeysExportCommand(a),
		newKeysGitCommand(a), newKeysRenameCommand(a), newKeysRepairCommand(a), newKeysAnnotateCommand(a), newKeysRemoveCommand(a), newKeysLoadCommand(a))
	return cmd
}

// store opens the directory of sealed keys, with or without a daemon.
func (a *app) store() (*softkeys.Store, error) {
	if err := harden(); err != nil { // the store may be asked to open a key
		return nil, err
	}
	if err := a.load(); err != nil {
		return nil, err
	}
	return broker.SealedStore(&a.config, atTerminal{}), nil
}

// withStore is a command on the directory of sealed keys.
func (a *app) withStore(run func(cmd *cobra.Command, store *softkeys.Store, args []string) error) func(*cobra.Command, []string) error {
	return func(cmd *cobra.Command, args []string) error {
		store, err := a.store()
		if err != nil {
			return err
		}
		return run(cmd, store, args)
	}
}

// atTerminal is the person who typed the command.
type atTerminal struct{}

// Secret implements keys.Person.
func (atTerminal) Secret(ctx context.Context, q keys.Question) ([]byte, error) {
	printLines(q.Title, q.Text, q.Error)
	return terminal.ReadPassphrase(ctx, q.Prompt+" ")
}

// Notify implements keys.Person.
func (atTerminal) Notify(ctx context.Context, n keys.Notice) error {
	printLines(n.Title, n.Text)
	<-ctx.Done()
	return nil
}

func printLines(lines ...string) {
	for _, line := range lines {
		if line != "" {
			fmt.Fprintln(os.Stderr, line)
		}
	}
}

// keyList lists every key of the person.
func (a *app) keyList() broker.KeyList {
	return broker.KeyList{Config: &a.config, Open: a.store, Say: os.Stderr}
}

func isNotRunning(err error) bool { return errors.Is(err, control.ErrNotRunning) }

func stateText(now time.Time, key control.Key) string {
	parts := []string{}
	if key.State != "" {
		parts = append(parts, platform.Escape(key.State, maxCell))
	}
	if key.Unproved {
		parts = append(parts, "not proved until the vault is opened")
	}
	if key.Hidden {
		parts = append(parts, "hidden by ssh-add -d (back: keybroker keys load)")
	}
	if key.Confirm {
		parts = append(parts, "always asks")
	}
	if key.Expires != nil {
		parts = append(parts, "for "+cli.Left(key.Expires.Sub(now)))
	}
	if key.ValidUntil != nil && now.Before(*key.ValidUntil) {
		parts = append(parts, "valid until "+key.ValidUntil.Local().Format("2006-01-02 15:04"))
	}
	switch claim := key.Claim; {
	case claim.HasExpired(now):
		parts = append(parts, "expired on "+keys.ClaimTime(claim.Expires)+": refused")
	case !claim.Expires.IsZero():
		parts = append(parts, "expires "+keys.In(claim.Expires.Sub(now)))
	}
	if len(key.OnlyTo) > 0 {
		parts = append(parts, "only to "+platform.Escape(strings.Join(key.OnlyTo, ", "), maxCell))
	}
	if len(parts) == 0 {
		return "ready"
	}
	return strings.Join(parts, ", ")
}
