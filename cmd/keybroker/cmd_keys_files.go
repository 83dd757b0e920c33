package main

import (
	"errors"
	"fmt"
	"os"

	"github.com/keybroker/keybroker/softkeys/pubformat"
	"github.com/spf13/cobra"
)

func newKeysExportCommand(a *app) *cobra.Command {
	var format string
	cmd := &cobra.Command{
		Use:   "export NAME",
		Short: "Print the public half of a key (OpenSSH, RFC 4716 or PKIX PEM)",
		Long: `Print the public half of a key. A private key never leaves the vault.

  openssh   the line for authorized_keys
  rfc4716   as ssh-keygen -e writes it
  pkix      PEM "PUBLIC KEY", as ssh-keygen -e -m PKCS8 writes it`,
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: a.completeNames,
		RunE: func(cmd *cobra.Command, args []string) error {
			store, err := a.store()
			if err != nil {
				return err
			}
			public, err := store.Export(args[0], pubformat.Format(format))
			if err != nil {
				return err
			}
			_, err = cmd.OutOrStdout().Write(public)
			return err
		},
	}
	format = "openssh"
	choiceFlag(cmd, &format, "format", "f", "", "openssh", "rfc4716", "pkix")
	return cmd
}

func newKeysRenameCommand(a *app) *cobra.Command {
	return &cobra.Command{
		Use:               "rename OLD NEW",
		Short:             "Give a key another name",
		Args:              cobra.ExactArgs(2),
		ValidArgsFunction: a.completeNames,
		RunE: func(_ *cobra.Command, args []string) error {
			store, err := a.store()
			if err != nil {
				return err
			}
			return store.Rename(args[0], args[1])
		},
	}
}

func newKeysRemoveCommand(a *app) *cobra.Command {
	var yes bool
	cmd := &cobra.Command{
		Use:               "remove NAME",
		Short:             "Delete a key for good (asks first)",
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: a.completeNames,
		RunE: func(cmd *cobra.Command, args []string) error {
			store, err := a.store()
			if err != nil {
				return err
			}
			public, err := store.Export(args[0], pubformat.OpenSSH)
			if err == nil && !yes {
				fmt.Fprintf(os.Stderr, "%s", public)
			}
			if !yes {
				if yes, err = confirmed(cmd.Context(), fmt.Sprintf("Delete the key %q for good? It cannot be brought back.", args[0])); err != nil {
					return err
				}
			}
			if !yes {
				return refusedError{errors.New("nothing was deleted\nto delete it without the question: --yes")}
			}
			return store.Delete(args[0])
		},
	}
	cmd.Flags().BoolVar(&yes, "yes", false, "do not ask")
	return cmd
}

func newKeysLoadCommand(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "load [NAME …]",
		Short: "Bring sealed keys back that ssh-add -d or -D took off the list",
		RunE: func(cmd *cobra.Command, args []string) error {
			client, err := a.client()
			if err != nil {
				return err
			}
			return notRunning(client.Load(cmd.Context(), args))
		},
		ValidArgsFunction: a.completeNames,
	}
}

// completeNames completes the names of sealed keys in the shell.
func (a *app) completeNames(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
	store, err := a.store()
	if err != nil {
		return nil, cobra.ShellCompDirectiveError
	}
	var names []string
	for _, entry := range store.All() {
		names = append(names, entry.Name)
	}
	return names, cobra.ShellCompDirectiveNoFileComp
}
