package main

import (
	"context"

	"github.com/keybroker/keybroker/cardadmin"
	"github.com/keybroker/keybroker/cli"
	"github.com/spf13/cobra"
)

func newCardGenerateCommand(a *app) *cobra.Command {
	var slot, keyType, pin, touch string
	var noCertificate bool
	var subject cardadmin.Subject
	cmd := &cobra.Command{
		Use:   "generate",
		Short: "Make a key on a YubiKey and print its public half",
		Long: `Make a key on a YubiKey and print the line for authorized_keys. The private key
never leaves the card, and nobody has a copy: have a second way in.

Other programs find a key by its certificate, so the command writes a self-signed
one beside it. That takes a signature: the PIN, and a touch if the key's policy
says so.

  --type          p256, p384, rsa2048; ed25519, rsa3072, rsa4096 from firmware 5.7
  --pin-policy    once (a session), always (each signature), never
  --touch-policy  cached (a touch is good for 15 s), always, never

A key in the slot is replaced only after you type that you want it.

Asked for: those words, if the slot holds a key; the PIN, if the certificate or
the management key needs it; the management key, if it is neither the factory's
nor on the card.`,
		Example: `  keybroker card generate >>~/.ssh/authorized_keys
  keybroker card generate --slot 82 --type ed25519 --touch-policy always`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			spec, err := cardadmin.ParseKeySpec(slot, keyType, pin, touch)
			if err == nil {
				err = subject.Check()
			}
			if err != nil {
				return err
			}
			spec.Certificate, spec.Subject = !noCertificate, subject
			return a.onCard(func(ctx context.Context, w *cardadmin.Work, _ []string) error {
				return w.Generate(ctx, spec)
			})(cmd, args)
		},
	}
	flags := cmd.Flags()
	flags.StringVarP(&slot, "slot", "s", "9a", "9a, 9c, 9d, 9e, or 82 to 95")
	completeFlag(cmd, "slot", slotNames)
	keyType, touch = "p256", "cached"
	cli.ChoiceFlag(cmd, &keyType, "type", "t", "", "p256", "p384", "ed25519", "rsa2048", "rsa3072", "rsa4096")
	cli.ChoiceFlag(cmd, &pin, "pin-policy", "", "once, always or never (default: once; always for 9c, never for 9e)", "once", "always", "never")
	cli.ChoiceFlag(cmd, &touch, "touch-policy", "", "", "cached", "always", "never")
	flags.BoolVar(&noCertificate, "no-certificate", false, "write no certificate: other programs may not see the key")
	subjectFlags(cmd, &subject)
	return cmd
}
