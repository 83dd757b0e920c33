package cardadmin

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
	"github.com/keybroker/keybroker/platform/terminal"
	"github.com/keybroker/keybroker/problem"
)

// maxCertificateFile is generous: an object on a YubiKey holds 3 KB, which is 4 KB in PEM.
const maxCertificateFile = 64 << 10

// mayWrite checks that the certificate is for the slot's key, and asks before it
// replaces one.
func (w *Work) mayWrite(ctx context.Context, slot piv.Slot, key crypto.PublicKey) error {
	if err := w.needYubiKey("write a certificate"); err != nil {
		return err
	}
	held, ok := w.token().Slot(slot)
	if !ok {
		return problem.With(fmt.Errorf("slot %s of %s holds no key", slot, w.token().Name()), "make one: keybroker card generate --slot %s", slot)
	}
	if mine, ok := held.PublicKey.(interface{ Equal(crypto.PublicKey) bool }); ok && !mine.Equal(key) {
		return problem.With(fmt.Errorf("the certificate is not for the key in slot %s of %s", slot, w.token().Name()), "see which key that is: keybroker card certificate export --slot %s", slot)
	}
	if held.Certificate == nil {
		return nil
	}
	yes, err := w.agreed(ctx, fmt.Sprintf("Replace the certificate of %q in slot %s?", platform.Escape(held.Certificate.Subject.String(), 100), slot))
	if err == nil && !yes {
		err = RefusedError{errors.New("nothing was written")}
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
		return nil, problem.With(fmt.Errorf("%s is not a certificate: %w", path, err), "give one as PEM or DER")
	}
	return cert, nil
}

// ExportCertificate prints the certificate of a slot as PEM.
func (w *Work) ExportCertificate(ctx context.Context, slot piv.Slot) error {
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
		return problem.With(fmt.Errorf("slot %s of %s: %s", slot, w.token().Name(), platform.Escape(cert.Problem, 200)), "make a new one or have one issued: keybroker card certificate self-signed, or import")
	}
	return pem.Encode(w.out, &pem.Block{Type: "CERTIFICATE", Bytes: cert.DER})
}

// ImportCertificate writes the certificate in a file (PEM or DER) into the slot of its key.
func (w *Work) ImportCertificate(ctx context.Context, slot piv.Slot, path string) error {
	cert, err := terminal.Interruptible(ctx, func() (*x509.Certificate, error) { return readCertificate(path) })
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
}

// SelfSignCertificate has the key of a slot sign its own certificate, and writes it.
func (w *Work) SelfSignCertificate(ctx context.Context, slot piv.Slot, subject Subject) error {
	held, ok := w.token().Slot(slot)
	if ok && held.PublicKey == nil {
		return fmt.Errorf("slot %s: the card does not report its public key", slot)
	}
	if err := w.mayWrite(ctx, slot, held.PublicKey); err != nil {
		return err
	}
	if err := w.selfSign(ctx, slot, held.PublicKey, held.PIN, held.Touch, subject); err != nil {
		return err
	}
	return w.printKey(slot, held.PublicKey)
}
