package main

import (
	"bytes"
	"context"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strings"

	"github.com/keybroker/keybroker/piv"
	"github.com/keybroker/keybroker/piv/admin"
	"github.com/keybroker/keybroker/platform"
	"github.com/spf13/cobra"
)

func newCardAttestCommand(a *app) *cobra.Command {
	var rootFile, name string
	cmd := a.slotCommand(&cobra.Command{
		Use:   "attest",
		Short: "Prove that a key was made in a YubiKey and cannot leave it",
		Long: `Have a YubiKey attest that a key was made in it, with which PIN and touch policy.
The attestation is verified up to Yubico's roots, and must be for this card, this
slot and this key; one that does not hold is not saved. Then there are two files:

  NAME.pub              the public key, as for authorized_keys
  NAME.attestation.pem  the attestation, and the certificate of the card's
                        attestation key that signed it

Whoever gets both can verify them again with Yubico's roots. A file of another key
is not overwritten.`,
		Example: `  keybroker card attest                       yubikey-12345678-9a.pub and .attestation.pem
  keybroker card attest --slot 82 --out work  work.pub and work.attestation.pem`,
		Args: cobra.NoArgs,
	}, func(ctx context.Context, w *cardWork, slot piv.Slot, _ []string) error {
		roots, err := readRoots(rootFile)
		if err != nil {
			return err
		}
		return w.attest(ctx, slot, roots, name)
	})
	cmd.Flags().StringVar(&rootFile, "root", "", "file with other root certificates than Yubico's (PEM)")
	cmd.Flags().StringVarP(&name, "out", "o", "", "NAME of the files (default: yubikey-SERIAL-SLOT)")
	return cmd
}

// readRoots is nil without a file: Yubico's roots.
func readRoots(path string) (*x509.CertPool, error) {
	if path == "" {
		return nil, nil
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(data) {
		return nil, fmt.Errorf("%s has no certificate\ngive root certificates as PEM", path)
	}
	return roots, nil
}

func (w *cardWork) attest(ctx context.Context, slot piv.Slot, roots *x509.CertPool, name string) error {
	if err := w.needYubiKey("attest"); err != nil {
		return err
	}
	held, ok := w.token().Slot(slot)
	if !ok {
		return fmt.Errorf("slot %s of %s holds no key", slot, w.token().Name())
	}
	attestation, issuer, err := w.readAttestation(ctx, slot)
	if err != nil {
		return err
	}
	key := held.PublicKey
	if key == nil {
		key = attestation.PublicKey // firmware that tells it in no other way
	}
	said, err := admin.VerifyAttestation(attestation, issuer, roots, slot, w.token().Serial, key)
	if errors.Is(err, admin.ErrAttestation) {
		return fmt.Errorf("%w\nnothing was saved; do not take this key for one that was made in a YubiKey", err)
	}
	if err != nil {
		return err
	}
	if name == "" {
		name = fmt.Sprintf("yubikey-%d-%s", said.Serial, slot)
	}
	line, err := w.authorizedKey(slot, said.PublicKey)
	if err != nil {
		return err
	}
	if err := save(name+".pub", []byte(line+"\n"), sameLine(line)); err != nil {
		return err
	}
	if err := save(name+".attestation.pem", chainPEM(attestation, issuer), attests(attestation)); err != nil {
		return err
	}
	by := "Yubico's roots"
	if roots != nil {
		by = "the roots that you gave"
	}
	fmt.Fprintf(w.say, "Verified by %s: the key in slot %s was made in YubiKey %d (firmware %s), PIN %s, touch %s.\nSaved: %s.pub, %s.attestation.pem\n",
		by, said.Slot, said.Serial, said.Version, said.PINPolicy, said.TouchPolicy, name, name)
	return nil
}

// readAttestation has the card attest the key, and reads who signed that.
func (w *cardWork) readAttestation(ctx context.Context, slot piv.Slot) (attestation, issuer *x509.Certificate, err error) {
	var der []byte
	var signer piv.Certificate
	err = w.do(ctx, func(a *piv.Applet) (err error) {
		if der, err = a.Attest(ctx, slot); err != nil {
			return err
		}
		signer, err = a.AttestationCertificate(ctx)
		return err
	})
	var refused piv.Status
	if errors.As(err, &refused) {
		return nil, nil, fmt.Errorf("slot %s: the card attests no key there: %w\na YubiKey attests keys that were made in it, from firmware 4.3", slot, refused)
	}
	if err != nil {
		return nil, nil, err
	}
	if attestation, err = x509.ParseCertificate(der); err != nil {
		return nil, nil, fmt.Errorf("attestation of slot %s: %w", slot, err)
	}
	if signer.X509 == nil {
		return nil, nil, fmt.Errorf("certificate of the attestation key: %s", platform.Escape(signer.Problem, 100))
	}
	return attestation, signer.X509, nil
}

func chainPEM(chain ...*x509.Certificate) []byte {
	var text []byte
	for _, cert := range chain {
		text = append(text, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: cert.Raw})...)
	}
	return text
}

// save writes a file. One that is there is replaced if it is of the same key.
func save(path string, data []byte, same func(old []byte) bool) error {
	err := platform.WriteNewFile(path, data, 0o644)
	if !errors.Is(err, fs.ErrExist) {
		return err
	}
	if old, readErr := os.ReadFile(path); readErr == nil && same(old) {
		return platform.WriteFileAtomic(path, data, 0o644)
	}
	return fmt.Errorf("%s is there, and is not of this key\nmove it away, or give another name: --out NAME", path)
}

// sameLine compares type and key, not the comment.
func sameLine(line string) func([]byte) bool {
	return func(old []byte) bool {
		mine, theirs := strings.Fields(line), strings.Fields(string(old))
		return len(theirs) >= 2 && slices.Equal(mine[:2], theirs[:2])
	}
}

// attests says whether a file's first certificate is for the same key: each
// attestation has a number of its own.
func attests(attestation *x509.Certificate) func([]byte) bool {
	return func(old []byte) bool {
		block, _ := pem.Decode(old)
		if block == nil {
			return false
		}
		cert, err := x509.ParseCertificate(block.Bytes)
		return err == nil && bytes.Equal(cert.RawSubjectPublicKeyInfo, attestation.RawSubjectPublicKeyInfo)
	}
}
