package main

import (
	"context"
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/keybroker/keybroker/cli"
	"github.com/keybroker/keybroker/keys"
	"github.com/keybroker/keybroker/keys/pubformat"
	"github.com/keybroker/keybroker/keys/publickey"
	"github.com/keybroker/keybroker/platform"
	"github.com/keybroker/keybroker/platform/terminal"
	"github.com/keybroker/keybroker/problem"
	"github.com/keybroker/keybroker/softkeys"
	"github.com/spf13/cobra"
)

func newKeysExportCommand(a *app) *cobra.Command {
	var format string
	cmd := &cobra.Command{
		Use:   "export NAME",
		Short: "Print the public half of a key (OpenSSH, RFC 4716 or PKIX PEM)",
		Long: `Print the public half of any key that "keybroker keys list" shows: sealed, on a
card, added, or another agent's. NAME is its name or its fingerprint. A private
key never leaves the vault.

  openssh   the line for authorized_keys
  rfc4716   as ssh-keygen -e writes it
  pkix      PEM "PUBLIC KEY", as ssh-keygen -e -m PKCS8 writes it`,
		Args:              cli.ExactArgs(1),
		ValidArgsFunction: a.completeKeys,
		RunE: a.withStore(func(cmd *cobra.Command, store *softkeys.Store, args []string) error {
			public, err := a.export(cmd.Context(), store, args[0], pubformat.Format(format))
			if err != nil {
				return err
			}
			_, err = cmd.OutOrStdout().Write(public)
			return err
		}),
	}
	format = "openssh"
	cli.ChoiceFlag(cmd, &format, "format", "f", "", "openssh", "rfc4716", "pkix")
	return cmd
}

// export returns a public key that is proved to be the user's.
func (a *app) export(ctx context.Context, store *softkeys.Store, name string, format pubformat.Format) ([]byte, error) {
	key, err := a.keyList().Find(ctx, name)
	if err != nil && isStored(store, name) { // damaged: the store explains it
		return store.Export(ctx, name, format)
	}
	if err != nil {
		return nil, err
	}
	public, _, _, _, err := publickey.ParseLine([]byte(key.PublicKey))
	if err != nil {
		return nil, err
	}
	return pubformat.Marshal(format, public, exportable(key.Comment))
}

func isStored(store *softkeys.Store, name string) bool {
	return slices.ContainsFunc(store.All(), func(e softkeys.Entry) bool { return e.Name == name })
}

// sealedName is the name of the sealed key that a person means with text: with a comment
// only where nothing is lost by a mistake.
func sealedName(store *softkeys.Store, text string, comments bool) (string, error) {
	found := keys.Named(store.All(), text, func(e softkeys.Entry) (name, fingerprint, comment string) {
		if comments {
			comment = e.Comment
		}
		return e.Name, e.Fingerprint, comment
	})
	switch len(found) {
	case 0:
		return "", problem.With(fmt.Errorf("there is no sealed key %q", platform.Escape(text, maxCell)), "`keybroker keys list` shows the names")
	case 1:
		return found[0].Name, nil
	}
	return "", problem.With(fmt.Errorf("%d sealed keys are called %q", len(found), platform.Escape(text, maxCell)), "give a name of `keybroker keys list`")
}

// exportable is the comment, or "" if it does not fit in a public key file: other
// programs choose the comments of added keys.
func exportable(comment string) string {
	if pubformat.CheckComment(comment) != nil {
		return ""
	}
	return comment
}

func newKeysRemoveCommand(a *app) *cobra.Command {
	var yes bool
	cmd := &cobra.Command{
		Use:               "remove NAME",
		Short:             "Delete a key for good (asks first)",
		Args:              cli.ExactArgs(1),
		ValidArgsFunction: a.completeNames,
		RunE: a.withStore(func(cmd *cobra.Command, store *softkeys.Store, args []string) error {
			name, err := sealedName(store, args[0], false)
			if err != nil {
				return err
			}
			if !yes {
				describeRemoved(store, name)
				if yes, err = terminal.Confirm(cmd.Context(), fmt.Sprintf("Delete the key %q for good? It cannot be recovered.", name)); err != nil {
					return err
				}
			}
			if !yes {
				return cli.Refused(problem.New("nothing was deleted", "to delete it without the question: --yes"))
			}
			if err := store.Delete(name); err != nil {
				return err
			}
			fmt.Fprintf(cmd.OutOrStdout(), "The key %q was deleted.\n", name)
			return nil
		}),
	}
	cmd.Flags().BoolVar(&yes, "yes", false, "do not ask")
	return cmd
}

// describeRemoved shows what is about to be deleted.
func describeRemoved(store *softkeys.Store, name string) {
	for _, entry := range store.All() {
		switch {
		case entry.Name != name:
		case entry.Damaged():
			fmt.Fprintf(os.Stderr, "The key is %s. What is left of it may be the only copy.\n%s.\n", entry.State, entry.Remedy)
		default:
			line, _ := pubformat.Marshal(pubformat.OpenSSH, entry.PublicKey, entry.Comment)
			fmt.Fprintf(os.Stderr, "%s", line)
		}
	}
}

func newKeysLoadCommand(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "load [NAME …]",
		Short: "List sealed keys again that ssh-add -d or -D removed",
		RunE: func(cmd *cobra.Command, args []string) error {
			client, err := a.client()
			if err != nil {
				return err
			}
			if err := client.Load(cmd.Context(), args); err != nil {
				return notRunning(err)
			}
			fmt.Fprintln(cmd.OutOrStdout(), loaded(args))
			return nil
		},
		ValidArgsFunction: a.completeNames,
	}
}

func loaded(names []string) string {
	if len(names) == 0 {
		return "All keys are listed again."
	}
	return "Listed again: " + strings.Join(names, ", ") + "."
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
