package main

import (
	"context"
	"errors"

	"github.com/keybroker/keybroker/cardadmin"
	"github.com/keybroker/keybroker/cli"
	"github.com/keybroker/keybroker/piv"
	"github.com/spf13/cobra"
)

func newCardCertificateCommand(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "certificate",
		Short: "Import, export and make certificates on a card",
		Args:  cobra.NoArgs,
		RunE:  func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(newCertificateExportCommand(a), newCertificateImportCommand(a), newCertificateSelfSignedCommand(a))
	return cmd
}

// slotCommand gives a command the flag --slot, and passes the slot to run.
func (a *app) slotCommand(cmd *cobra.Command, run func(ctx context.Context, w *cardadmin.Work, slot piv.Slot, args []string) error) *cobra.Command {
	var text string
	cmd.Flags().StringVarP(&text, "slot", "s", "9a", "9a, 9c, 9d, 9e, or 82 to 95")
	completeFlag(cmd, "slot", slotNames)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		slot, err := cardadmin.ParseSlot(text)
		if err != nil {
			return err
		}
		return a.onCard(func(ctx context.Context, w *cardadmin.Work, args []string) error { return run(ctx, w, slot, args) })(cmd, args)
	}
	return cmd
}

func newCertificateExportCommand(a *app) *cobra.Command {
	return a.slotCommand(&cobra.Command{
		Use:     "export",
		Short:   "Print a slot's certificate as PEM (any PIV card)",
		Example: "  keybroker card certificate export --slot 9a >me.pem",
		Args:    cobra.NoArgs,
	}, func(ctx context.Context, w *cardadmin.Work, slot piv.Slot, _ []string) error {
		return w.ExportCertificate(ctx, slot)
	})
}

func newCertificateImportCommand(a *app) *cobra.Command {
	return a.slotCommand(&cobra.Command{
		Use:   "import FILE",
		Short: "Write a certificate (PEM or DER) beside a YubiKey's key",
		Long: `Write a certificate (PEM or DER), as an authority issued it, beside a YubiKey's
key. It must be for the key in the slot. The command asks before it replaces a
certificate.

Asked for: yes or no, if there is a certificate; the PIN, if the management key
is on the card.`,
		Example: "  keybroker card certificate import --slot 9a issued.pem",
		Args:    cli.ExactArgs(1),
	}, func(ctx context.Context, w *cardadmin.Work, slot piv.Slot, args []string) error {
		return w.ImportCertificate(ctx, slot, args[0])
	})
}

func newCertificateSelfSignedCommand(a *app) *cobra.Command {
	var subject cardadmin.Subject
	cmd := a.slotCommand(&cobra.Command{
		Use:   "self-signed",
		Short: "Make a self-signed certificate for a YubiKey's key",
		Long: `Make a self-signed certificate and write it beside a YubiKey's key, so that other
programs see the key. This needs the PIN, and a touch if the key's policy says so.
The command asks before it replaces a certificate.

Asked for: yes or no, if there is a certificate; the PIN.`,
		Example: "  keybroker card certificate self-signed --slot 9a --subject anna",
		Args: func(cmd *cobra.Command, args []string) error { // before a card is looked for
			return errors.Join(cobra.NoArgs(cmd, args), subject.Check())
		},
	}, func(ctx context.Context, w *cardadmin.Work, slot piv.Slot, _ []string) error {
		return w.SelfSignCertificate(ctx, slot, subject)
	})
	subjectFlags(cmd, &subject)
	return cmd
}

// subjectFlags are the flags for the content of a self-signed certificate.
func subjectFlags(cmd *cobra.Command, s *cardadmin.Subject) {
	cmd.Flags().StringVar(&s.Name, "subject", "", `common name in the certificate (default: like "YubiKey 12345678 slot 9a")`)
	cmd.Flags().IntVar(&s.Days, "days", cardadmin.DefaultDays, "how long the certificate is valid")
}
