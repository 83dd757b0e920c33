package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/keybroker/keybroker/agent/audit"
	"github.com/keybroker/keybroker/agent/control"
	"github.com/keybroker/keybroker/agent/keys"
	"github.com/keybroker/keybroker/platform"
	"github.com/keybroker/keybroker/softkeys"
	"github.com/keybroker/keybroker/softkeys/keychain"
	"github.com/keybroker/keybroker/softkeys/pubformat"
	"github.com/spf13/cobra"
)

// maxImport bounds a private key file; an RSA key of 16384 bits takes 13 KiB.
const maxImport = 64 << 10

func newKeysCommand(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "keys",
		Short: "Make, import and look after the keys that last",
		Args:  cobra.NoArgs,
		RunE:  func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(newKeysListCommand(a), newKeysGenerateCommand(a), newKeysImportCommand(a), newKeysExportCommand(a),
		newKeysRenameCommand(a), newKeysRemoveCommand(a), newKeysLoadCommand(a))
	return cmd
}

// store opens the directory of sealed keys; it works with and without a daemon.
func (a *app) store() (*softkeys.Store, error) {
	if err := a.load(); err != nil {
		return nil, err
	}
	return softkeys.NewStore(a.softkeysConfig(askOnTerminal)), nil
}

func (a *app) softkeysConfig(ask softkeys.AskFunc) softkeys.Config {
	dir := a.config.paths.DataDir
	return softkeys.Config{
		Dir:            dir,
		Seal:           softkeys.Seal(a.config.Softkeys.Seal),
		Keychain:       keychain.System(filepath.Join(dir, "vault")),
		PassphraseFile: a.config.Softkeys.PassphraseFile,
		AskPassphrase:  ask,
	}
}

// askOnTerminal asks for the passphrase of the vault.
func askOnTerminal(_ context.Context, title, text, lastError string, _ *keys.Use) ([]byte, error) {
	for _, line := range []string{title, text, lastError} {
		if line != "" {
			fmt.Fprintln(os.Stderr, line)
		}
	}
	return readPassphrase("Passphrase: ")
}

func newKeysListCommand(a *app) *cobra.Command {
	return a.jsonFlag(&cobra.Command{
		Use:   "list",
		Short: "List every key, with its state and when it was last used",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			list, err := a.listKeys(cmd.Context())
			if err != nil {
				return err
			}
			usage, err := audit.Usage(a.auditDir())
			if err != nil {
				fmt.Fprintln(cmd.ErrOrStderr(), "keybroker: last uses are not known:", err)
			}
			for i := range list {
				if u, ok := usage[list[i].Fingerprint]; ok {
					list[i].LastUsed, list[i].Uses = &u.Last, u.Count
				}
			}
			return a.print(cmd, list, func(w io.Writer) { printKeys(w, list) })
		},
	})
}

// listKeys asks the running broker, which also knows the added keys; without
// one it reads the directory.
func (a *app) listKeys(ctx context.Context) ([]control.Key, error) {
	client, err := a.client()
	if err != nil {
		return nil, err
	}
	list, err := client.Keys(ctx)
	if err == nil || !isNotRunning(err) {
		return list, err
	}
	store, err := a.store()
	if err != nil {
		return nil, err
	}
	return storedKeys(store), store.Err()
}

func isNotRunning(err error) bool { return errors.Is(err, control.ErrNotRunning) }

// storedKeys lists the sealed keys, hidden and damaged ones too.
func storedKeys(store *softkeys.Store) []control.Key {
	list := []control.Key{}
	for _, entry := range store.All() {
		key := control.KeyOf(entry.Info)
		key.Hidden = entry.Hidden
		list = append(list, key)
	}
	return list
}

func printKeys(w io.Writer, list []control.Key) {
	row(w, "NAME", "TYPE", "FINGERPRINT", "COMMENT", "FROM", "STATE", "LAST USED")
	now := time.Now()
	for _, key := range list {
		last := "never"
		if key.LastUsed != nil {
			last = ago(now, *key.LastUsed)
		}
		row(w, key.Name, key.Type, key.Fingerprint, platform.Escape(key.Comment, 30), key.Source, stateText(now, key), last)
	}
}

func stateText(now time.Time, key control.Key) string {
	parts := []string{}
	if key.State != "" {
		parts = append(parts, platform.Escape(key.State, maxCell))
	}
	if key.Hidden {
		parts = append(parts, "hidden by ssh-add -d (back: keybroker keys load)")
	}
	if key.Confirm {
		parts = append(parts, "always asks")
	}
	if key.Expires != nil {
		parts = append(parts, "for "+key.Expires.Sub(now).Round(time.Second).String())
	}
	if len(parts) == 0 {
		return "ready"
	}
	return strings.Join(parts, ", ")
}

func newKeysGenerateCommand(a *app) *cobra.Command {
	var spec softkeys.KeySpec
	var comment string
	cmd := &cobra.Command{
		Use:   "generate NAME",
		Short: "Make a key, seal it and print its public half",
		Long: `Make a key, seal it and print its public half. The first key also makes the
vault that all keys are sealed to: its secret goes into the keychain, or where
there is none, under a passphrase that is asked for.`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			store, err := a.store()
			if err != nil {
				return err
			}
			return a.generate(cmd.Context(), cmd.OutOrStdout(), store, args[0], spec, comment)
		},
	}
	cmd.Flags().StringVarP(&spec.Type, "type", "t", "ed25519", "ed25519, ecdsa or rsa")
	cmd.Flags().IntVarP(&spec.Bits, "bits", "b", 0, "ecdsa: 256, 384, 521; rsa: 3072, 4096")
	cmd.Flags().StringVarP(&comment, "comment", "C", "", "comment of the public key (default: the name)")
	_ = cmd.RegisterFlagCompletionFunc("type", cobra.FixedCompletions([]string{"ed25519", "ecdsa", "rsa"}, cobra.ShellCompDirectiveNoFileComp))
	return cmd
}

func (a *app) generate(ctx context.Context, out io.Writer, store *softkeys.Store, name string, spec softkeys.KeySpec, comment string) error {
	if _, err := store.Generate(ctx, name, spec, comment); err != nil {
		return err
	}
	public, err := store.Export(name, pubformat.OpenSSH)
	if err != nil {
		return err
	}
	_, err = out.Write(public)
	return err
}

func newKeysImportCommand(a *app) *cobra.Command {
	var name, comment string
	var deleteFile bool
	cmd := &cobra.Command{
		Use:   "import FILE",
		Short: "Seal a private key file (OpenSSH, PKCS#8, PKCS#1 or SEC1)",
		Long: `Seal a private key file: OpenSSH's format, PKCS#8, PKCS#1 or SEC1, as PEM, also
under a passphrase, which is asked for. The file stays as it is, unless
--delete is given: then it is removed once the key is sealed. What a disk has
held in clear may stay readable on it after that.`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			store, err := a.store()
			if err != nil {
				return err
			}
			if name == "" {
				name = filepath.Base(args[0])
			}
			if err := importFile(cmd.Context(), store, name, comment, args[0]); err != nil {
				return err
			}
			fmt.Fprintf(cmd.OutOrStdout(), "%s is sealed as %q.\n", args[0], name)
			if !deleteFile {
				fmt.Fprintf(cmd.OutOrStdout(), "The file still holds the key. When you have tried the sealed one, remove the file: rm %s\n", args[0])
				return nil
			}
			return os.Remove(args[0])
		},
	}
	cmd.Flags().StringVar(&name, "name", "", "name of the key (default: the file's)")
	cmd.Flags().StringVarP(&comment, "comment", "C", "", "comment (default: the file's, or the name)")
	cmd.Flags().BoolVar(&deleteFile, "delete", false, "remove the clear file once the key is sealed")
	return cmd
}

func importFile(ctx context.Context, store *softkeys.Store, name, comment, path string) error {
	file, err := readKeyFile(path)
	if err != nil {
		return err
	}
	defer clear(file)
	_, err = store.Import(ctx, name, file, nil, comment)
	if !errors.Is(err, softkeys.ErrPassphraseNeeded) {
		return err
	}
	passphrase, err := readPassphrase("Passphrase of " + path + ": ")
	if err != nil {
		return err
	}
	defer clear(passphrase)
	_, err = store.Import(ctx, name, file, passphrase, comment)
	return err
}

func readKeyFile(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	file, err := io.ReadAll(io.LimitReader(f, maxImport+1))
	if err == nil && len(file) > maxImport {
		return nil, fmt.Errorf("%s is larger than any private key (%d bytes)\ngive the key file itself", path, maxImport)
	}
	return file, err
}

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
	cmd.Flags().StringVarP(&format, "format", "f", "openssh", "openssh, rfc4716 or pkix")
	_ = cmd.RegisterFlagCompletionFunc("format", cobra.FixedCompletions([]string{"openssh", "rfc4716", "pkix"}, cobra.ShellCompDirectiveNoFileComp))
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
		RunE: func(_ *cobra.Command, args []string) error {
			store, err := a.store()
			if err != nil {
				return err
			}
			public, err := store.Export(args[0], pubformat.OpenSSH)
			if err == nil && !yes {
				fmt.Fprintf(os.Stderr, "%s", public)
			}
			if !yes && !confirmed(fmt.Sprintf("Delete the key %q for good? It cannot be brought back.", args[0])) {
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
