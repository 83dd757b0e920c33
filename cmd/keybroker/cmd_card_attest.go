package main

import (
	"context"

	"github.com/keybroker/keybroker/cardadmin"
	"github.com/keybroker/keybroker/piv"
	"github.com/spf13/cobra"
)

func newCardAttestCommand(a *app) *cobra.Command {
	var rootFile, name string
	cmd := a.slotCommand(&cobra.Command{
		Use:   "attest",
		Short: "Prove that a key was made in a YubiKey and cannot leave it",
		Long: `Have a YubiKey attest that it made a key, and the key's PIN and touch policy. The
attestation must be signed up to Yubico's roots, and must be for this card, this
slot and this key; otherwise nothing is saved. The command writes two files:

  NAME.pub              the public key, as for authorized_keys
  NAME.attestation.pem  the attestation, and the certificate of the attestation
                        key that signed it

Anybody can verify both again with Yubico's roots. Files for another key are not
overwritten.`,
		Example: `  keybroker card attest                       yubikey-12345678-9a.pub and .attestation.pem
  keybroker card attest --slot 82 --out work  work.pub and work.attestation.pem`,
		Args: cobra.NoArgs,
	}, func(ctx context.Context, w *cardadmin.Work, slot piv.Slot, _ []string) error {
		return w.Attest(ctx, slot, rootFile, name)
	})
	cmd.Flags().StringVar(&rootFile, "root", "", "file with root certificates to use instead of Yubico's (PEM)")
	cmd.Flags().StringVarP(&name, "out", "o", "", "NAME of the files (default: yubikey-SERIAL-SLOT)")
	return cmd
}
