package main

import (
	"context"
	"crypto"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/keybroker/keybroker/piv"
	"github.com/keybroker/keybroker/platform"
	"github.com/spf13/cobra"
)

// maxCertificateFile: a YubiKey's object takes 3 KB, in PEM 4 KB.
const maxCertificateFile = 64 << 10

func newCardCertificateCommand(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "certificate",
		Short: "Import, export and make the certificates on a card",
		Args:  cobra.NoArgs,
		RunE:  func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(newCertificateExportCommand(a), newCertificateImportCommand(a), newCertificateSelfSignedCommand(a))
	return cmd
}

// slotCommand gives a command the flag --slot, and the slot to run.
func (a *app) slotCommand(cmd *cobra.Command, run func(ctx context.Context, w *cardWork, slot piv.Slot, args []string) error) *cobra.Command {
	var text string
	cmd.Flags().StringVarP(&text, "slot", "s", "9a", "9a, 9c, 9d, 9e, or 82 to 95")
	completeFlag(cmd, "slot", slotNames)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		slot, err := slotFlag(text)
		if err != nil {
			return err
		}
		return a.onCard(func(ctx context.Context, w *cardWork, args []string) error { return run(ctx, w, slot, args) })(cmd, args)
	}
	return cmd
}

func newCertificateExportCommand(a *app) *cobra.Command {
	return a.slotCommand(&cobra.Command{
		Use:     "export",
		Short:   "Print a slot's certificate as PEM (any PIV card)",
		Example: "  keybroker card certificate export --slot 9a >me.pem",
		Args:    cobra.NoArgs,
	}, func(ctx context.Context, w *cardWork, slot piv.Slot, _ []string) error {
		var cert piv.Certificate
		err := w.do(ctx, func(a *piv.Applet) (err error) {
			cert, err = a.Certificate(ctx, slot)
			return err
		})
		if errors.Is(err, piv.StatusNotFound) {
			return fmt.Errorf("slot %s of %s has no certificate", slot, w.token().Name())
		}
		if err != nil {
			return err
		}
		if !cert.IsCertificate() {
			return fmt.Errorf("slot %s of %s: %s\nhave a new one made or issued: keybroker card certificate self-signed, or import",
				slot, w.token().Name(), platform.Escape(cert.Problem, 200))
		}
		return pem.Encode(w.out, &pem.Block{Type: "CERTIFICATE", Bytes: cert.DER})
	})
}

func newCertificateImportCommand(a *app) *cobra.Command {
	return a.slotCommand(&cobra.Command{
		Use:   "import FILE",
		Short: "Write a certificate (PEM or DER) beside a YubiKey's key",
		Long: `Write a certificate (PEM or DER) beside a YubiKey's key, as an authority issued it.
It must be for the key in the slot. A certificate that is there is replaced after
a question.

Asked for: yes or no, when there is a certificate; the PIN, when the management
key is on the card.`,
		Example: "  keybroker card certificate import --slot 9a issued.pem",
		Args:    cobra.ExactArgs(1),
	}, func(ctx context.Context, w *cardWork, slot piv.Slot, args []string) error {
		cert, err := readCertificate(args[0])
		if err != nil {
			return err
		}
		if err := w.mayWrite(ctx, slot, cert.PublicKey); err != nil {
			return err
		}
		if err := w.putCertificate(ctx, slot, cert); err != nil {
			return err
		}
		fmt.Fprintf(w.say, "The certificate of %q is in slot %s of %s.\n", platform.Escape(cert.Subject.String(), 100), slot, w.token().Name())
		return nil
	})
}

func newCertificateSelfSignedCommand(a *app) *cobra.Command {
	var subject subjectSpec
	cmd := a.slotCommand(&cobra.Command{
		Use:   "self-signed",
		Short: "Have a YubiKey's key sign a certificate for itself",
		Long: `Have a YubiKey's key sign a certificate for itself and write it beside the key, so
that other programs see the key. It takes the PIN, and a touch if the key wants
one. A certificate that is there is replaced after a question.

Asked for: yes or no, when there is a certificate; the PIN.`,
		Example: "  keybroker card certificate self-signed --slot 9a --subject anna",
		Args: func(cmd *cobra.Command, args []string) error { // before a card is looked for
			return errors.Join(cobra.NoArgs(cmd, args), subject.check())
		},
	}, func(ctx context.Context, w *cardWork, slot piv.Slot, _ []string) error {
		held, ok := w.token().Slot(slot)
		if ok && held.PublicKey == nil {
			return fmt.Errorf("slot %s: the card does not tell its public key", slot)
		}
		if err := w.mayWrite(ctx, slot, held.PublicKey); err != nil {
			return err
		}
		if err := w.selfSign(ctx, slot, held.PublicKey, held.PIN, held.Touch, subject); err != nil {
			return err
		}
		return w.printKey(slot, held.PublicKey)
	})
	subject.flags(cmd)
	return cmd
}

// mayWrite checks that the certificate is for the slot's key, and asks before
// one is replaced.
func (w *cardWork) mayWrite(ctx context.Context, slot piv.Slot, key crypto.PublicKey) error {
	if err := w.needYubiKey("write a certificate"); err != nil {
		return err
	}
	held, ok := w.token().Slot(slot)
	if !ok {
		return fmt.Errorf("slot %s of %s holds no key\nmake one: keybroker card generate --slot %s", slot, w.token().Name(), slot)
	}
	if mine, ok := held.PublicKey.(interface{ Equal(crypto.PublicKey) bool }); ok && !mine.Equal(key) {
		return fmt.Errorf("the certificate is for another key than slot %s of %s holds\nsee which it holds: keybroker card certificate export --slot %s", slot, w.token().Name(), slot)
	}
	if held.Certificate == nil {
		return nil
	}
	yes, err := w.agreed(ctx, fmt.Sprintf("Replace the certificate of %q in slot %s?", platform.Escape(held.Certificate.Subject.String(), 100), slot))
	if err == nil && !yes {
		err = refusedError{errors.New("nothing was written")}
	}
	return err
}

func readCertificate(path string) (*x509.Certificate, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	data, err := io.ReadAll(io.LimitReader(file, maxCertificateFile+1))
	if err != nil {
		return nil, err
	}
	if block, _ := pem.Decode(data); block != nil {
		data = block.Bytes
	}
	cert, err := x509.ParseCertificate(data)
	if err != nil || len(data) > maxCertificateFile {
		return nil, fmt.Errorf("%s is no certificate: %w\ngive one as PEM or DER", path, err)
	}
	return cert, nil
}
