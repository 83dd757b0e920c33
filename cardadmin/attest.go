package cardadmin

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
	"github.com/keybroker/keybroker/platform/terminal"
	"github.com/keybroker/keybroker/problem"
)

// readRoots reads root certificates. Without a file it returns nil, for Yubico's roots.
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
		return nil, problem.With(fmt.Errorf("%s contains no certificate", path), "give root certificates as PEM")
	}
	return roots, nil
}

// Attest has the card attest the key of a slot, verifies the attestation, and saves it
// in files called name; if that is "", after card and slot. rootFile replaces Yubico's
// roots, unless it is "".
func (w *Work) Attest(ctx context.Context, slot piv.Slot, rootFile, name string) error {
	roots, err := terminal.Interruptible(ctx, func() (*x509.CertPool, error) { return readRoots(rootFile) })
	if err != nil {
		return err
	}
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
		key = attestation.PublicKey // some firmware reports it in no other way
	}
	said, err := admin.VerifyAttestation(attestation, issuer, roots, slot, w.token().Serial, key)
	if errors.Is(err, admin.ErrAttestation) {
		return problem.With(err, "nothing was saved; do not trust that this key was made in a YubiKey")
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

// readAttestation has the card attest the key, and reads the signer's certificate.
func (w *Work) readAttestation(ctx context.Context, slot piv.Slot) (attestation, issuer *x509.Certificate, err error) {
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
		return nil, nil, problem.With(fmt.Errorf("slot %s: the card cannot attest its key: %w", slot, refused), "a YubiKey attests keys that were made in it, from firmware 4.3")
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

// save writes a file. It replaces an existing one if that is for the same key.
func save(path string, data []byte, same func(old []byte) bool) error {
	err := platform.WriteNewFile(path, data, 0o644)
	if !errors.Is(err, fs.ErrExist) {
		return err
	}
	if old, readErr := os.ReadFile(path); readErr == nil && same(old) {
		return platform.WriteFileAtomic(path, data, 0o644)
	}
	return problem.With(fmt.Errorf("%s exists and is not for this key", path), "move it away, or give another name: --out NAME")
}

// sameLine compares type and key but not the comment.
func sameLine(line string) func([]byte) bool {
	return func(old []byte) bool {
		mine, theirs := strings.Fields(line), strings.Fields(string(old))
		return len(theirs) >= 2 && slices.Equal(mine[:2], theirs[:2])
	}
}

// attests reports whether a file's first certificate is for the same key. Whole
// certificates cannot be compared: each attestation has a new serial number.
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
