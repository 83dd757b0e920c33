package main

import (
	"context"
	"io"

	"github.com/keybroker/keybroker/cli"
	"github.com/keybroker/keybroker/keys/pubformat"
	"github.com/keybroker/keybroker/softkeys"
	"github.com/spf13/cobra"
)

func newKeysGenerateCommand(a *app) *cobra.Command {
	var spec softkeys.KeySpec
	var comment string
	cmd := &cobra.Command{
		Use:   "generate NAME",
		Short: "Make a key, seal it and print its public half",
		Long: `Make a key, seal it and print its public half. With the first key the command also
makes the vault, which all keys are sealed to. The vault's secret goes into the
keychain. If there is none, a passphrase protects it, and the command asks for one.

Keys of the type mldsa44-ed25519 also resist quantum computers. Servers and clients
support them from OpenSSH 10.5 on.`,
		Args:              cli.ExactArgs(1),
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: a.withStore(func(cmd *cobra.Command, store *softkeys.Store, args []string) error {
			if err := a.generate(cmd.Context(), cmd.OutOrStdout(), store, args[0], spec, comment); err != nil {
				return err
			}
			sayNextStep(cmd.ErrOrStderr(), args[0])
			return nil
		}),
	}
	spec.Type = "ed25519"
	cli.ChoiceFlag(cmd, &spec.Type, "type", "t", "", "ed25519", "ecdsa", "rsa", "mldsa44-ed25519")
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
