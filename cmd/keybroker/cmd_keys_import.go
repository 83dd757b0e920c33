package main

import (
	"cmp"
	"context"
	"fmt"
	"os"
	"path/filepath"

	"github.com/keybroker/keybroker/cli"
	"github.com/keybroker/keybroker/platform"
	"github.com/keybroker/keybroker/platform/terminal"
	"github.com/keybroker/keybroker/problem"
	"github.com/keybroker/keybroker/softkeys"
	"github.com/keybroker/keybroker/softkeys/keyfile"
	"github.com/keybroker/keybroker/softkeys/sshadd"
	"github.com/spf13/cobra"
	"golang.org/x/crypto/ssh"
)

// importing holds the flags of `keys import`.
type importing struct {
	path, name, comment string
	remove              bool
}

func newKeysImportCommand(a *app) *cobra.Command {
	var i importing
	var certificate string
	cmd := &cobra.Command{
		Use:   "import [FILE] [--certificate FILE]",
		Short: "Seal a private key file, or attach a certificate to a key",
		Long: `Seal a private key file. FILE can have OpenSSH's format, PKCS#8, PKCS#1 or SEC1 as
PEM, PuTTY's format, or any other that this machine's ssh-add reads; "-" is
standard input. The command asks for a passphrase, and keeps the comment.

The command reports the key as sealed only after it has read the sealed key back,
opened it and signed with it. The file is kept unless you give --delete. A disk
that held a key in the clear may keep a readable copy even then.

--certificate attaches an OpenSSH user certificate to the key that it certifies,
whether sealed or on a card, and replaces the key's previous one. The running
broker lists it from then on. Without a private key file nothing is sealed.`,
		Example: `  keybroker keys import ~/.ssh/id_ed25519
  pass show ssh/work | keybroker keys import - --name work
  keybroker keys import --certificate id-cert.pub`,
		Args: cli.AtMost(1),
		RunE: a.withStore(func(cmd *cobra.Command, store *softkeys.Store, args []string) error {
			var cert ssh.PublicKey
			if certificate != "" { // check it before anything is sealed
				var err error
				if cert, err = readUserCertificate(cmd.Context(), certificate); err != nil {
					return err
				}
			}
			if len(args) == 0 && cert != nil {
				return a.attach(cmd, store, cert, i.name)
			}
			if len(args) == 0 {
				return cli.Usage(problem.New("give a private key file, or --certificate FILE", "see: keybroker keys import --help"))
			}
			i.path = args[0]
			return a.importKey(cmd, store, i, cert)
		}),
	}
	cmd.Flags().StringVar(&i.name, "name", "", "name of the key (default: the file's)")
	cmd.Flags().StringVarP(&i.comment, "comment", "C", "", "comment (default: the file's, or the name)")
	cmd.Flags().StringVar(&certificate, "certificate", "", "a user certificate of the key (the file that ends with -cert.pub)")
	cmd.Flags().BoolVar(&i.remove, "delete", false, "remove the file once the key is sealed and has signed")
	return cmd
}

func (a *app) importKey(cmd *cobra.Command, store *softkeys.Store, i importing, cert ssh.PublicKey) error {
	if err := i.chooseName(); err != nil {
		return err
	}
	file, err := a.seal(cmd.Context(), store, i)
	if err != nil {
		return err
	}
	defer file.Wipe()
	fmt.Fprintf(cmd.OutOrStdout(), "%s is sealed as %q.\n", i.path, i.name)
	if cert != nil {
		if err := a.attach(cmd, store, cert, i.name); err != nil {
			return err
		}
	}
	if i.remove {
		if err := file.Remove(); err != nil {
			return err
		}
		fmt.Fprintf(cmd.OutOrStdout(), "%s was removed.\n", i.path)
		return nil
	}
	if i.path != keyfile.StandardInput {
		fmt.Fprintf(cmd.OutOrStdout(), "The file still holds the key. After you have tried the sealed key, remove the file: rm %s\n", platform.ShellWord(i.path))
	}
	return nil
}

// chooseName takes the file's name if that is a valid key name.
func (i *importing) chooseName() error {
	if i.name != "" {
		return nil
	}
	if i.path == keyfile.StandardInput {
		return cli.Usage(problem.New("a key from standard input needs a name", "give one: --name NAME"))
	}
	i.name = filepath.Base(i.path)
	if err := softkeys.CheckName(i.name); err != nil {
		return problem.With(err, "give the key another name than that of its file: --name NAME")
	}
	return nil
}

func (a *app) seal(ctx context.Context, store *softkeys.Store, i importing) (*keyfile.File, error) {
	if i.path == keyfile.StandardInput && terminal.Interactive() {
		fmt.Fprintln(os.Stderr, "Paste the private key, then press Enter and Ctrl-D.")
	}
	file, err := terminal.Interruptible(ctx, func() (*keyfile.File, error) { return keyfile.Open(i.path, i.remove) })
	if err != nil {
		return nil, err
	}
	private, err := file.Private(ctx, os.Getenv("XDG_RUNTIME_DIR"), self())
	if err != nil {
		file.Wipe()
		return nil, fmt.Errorf("%s is not imported: %w", i.path, err)
	}
	private.Comment = cmp.Or(i.comment, private.Comment)
	if _, err := store.Import(ctx, i.name, private); err != nil {
		file.Wipe()
		return nil, err
	}
	return file, nil
}

// answerSSHAdd is what this program does when ssh-add runs it to ask for the passphrase.
func answerSSHAdd() int {
	if harden() != nil || sshadd.Answer(os.Stdout) != nil {
		return cli.ExitFailed
	}
	return cli.ExitDone
}
