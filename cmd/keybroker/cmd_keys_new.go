package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/keybroker/keybroker/softkeys"
	"github.com/keybroker/keybroker/softkeys/pubformat"
	"github.com/spf13/cobra"
	"golang.org/x/crypto/ssh"
)

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
			if err := a.generate(cmd.Context(), cmd.OutOrStdout(), store, args[0], spec, comment); err != nil {
				return err
			}
			sayNextStep(cmd.ErrOrStderr(), args[0])
			return nil
		},
	}
	spec.Type = "ed25519"
	choiceFlag(cmd, &spec.Type, "type", "t", "", "ed25519", "ecdsa", "rsa")
	cmd.Flags().IntVarP(&spec.Bits, "bits", "b", 0, "ecdsa: 256, 384, 521; rsa: 3072, 4096")
	cmd.Flags().StringVarP(&comment, "comment", "C", "", "comment of the public key (default: the name)")
	return cmd
}

func (a *app) generate(ctx context.Context, out io.Writer, store *softkeys.Store, name string, spec softkeys.KeySpec, comment string) error {
	if _, err := store.Generate(ctx, name, spec, comment); err != nil {
		return err
	}
	public, err := store.Export(ctx, name, pubformat.OpenSSH)
	if err != nil {
		return err
	}
	_, err = out.Write(public)
	return err
}

func newKeysImportCommand(a *app) *cobra.Command {
	var name, comment, certificate string
	var deleteFile bool
	cmd := &cobra.Command{
		Use:   "import [FILE] [--certificate FILE]",
		Short: "Seal a private key file (OpenSSH, PKCS#8, PKCS#1 or SEC1), or attach a certificate to a key",
		Long: `Seal a private key file: OpenSSH's format, PKCS#8, PKCS#1 or SEC1, as PEM, also
under a passphrase, which is asked for. The file stays as it is, unless
--delete is given: then it is removed once the key is sealed. What a disk has
held in clear may stay readable on it after that.

--certificate attaches an OpenSSH user certificate to the key that it certifies,
be it sealed or on a card, in the place of the one that the key had: the running
broker lists it from then on. Without a private key file nothing is sealed.

  keybroker keys import --certificate id-cert.pub`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			store, err := a.store()
			if err != nil {
				return err
			}
			var cert *ssh.Certificate
			if certificate != "" { // looked at before anything is sealed
				if cert, err = readUserCertificate(certificate); err != nil {
					return err
				}
			}
			if len(args) == 0 && cert != nil {
				return a.attach(cmd, store, cert, name)
			}
			if len(args) == 0 {
				return usageError{errors.New("give a private key file, or --certificate FILE\nsee: keybroker keys import --help")}
			}
			if name == "" {
				name = filepath.Base(args[0])
			}
			if err := importFile(cmd.Context(), store, name, comment, args[0]); err != nil {
				return err
			}
			fmt.Fprintf(cmd.OutOrStdout(), "%s is sealed as %q.\n", args[0], name)
			if cert != nil {
				if err := a.attach(cmd, store, cert, name); err != nil {
					return err
				}
			}
			if !deleteFile {
				fmt.Fprintf(cmd.OutOrStdout(), "The file still holds the key. When you have tried the sealed one, remove the file: rm %s\n", args[0])
				return nil
			}
			return os.Remove(args[0])
		},
	}
	cmd.Flags().StringVar(&name, "name", "", "name of the key (default: the file's)")
	cmd.Flags().StringVarP(&comment, "comment", "C", "", "comment (default: the file's, or the name)")
	cmd.Flags().StringVar(&certificate, "certificate", "", "a user certificate of the key (the file that ends with -cert.pub)")
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
	passphrase, err := readPassphrase(ctx, "Passphrase of "+path+": ")
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
