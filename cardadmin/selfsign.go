package cardadmin

import (
	"context"
	"crypto"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"fmt"
	"math/big"
	"time"

	"github.com/keybroker/keybroker/piv"
)

// maxDays keeps dates in certificates before the year 9999.
const maxDays = 365 * 100

// DefaultDays is how long a certificate is valid by default.
const DefaultDays = 3650

// Subject is the content of a self-signed certificate.
type Subject struct {
	Name string // common name; "": the names of card and slot
	Days int    // how long it is valid
}

// Check returns a UsageError if no certificate can have this content.
func (s Subject) Check() error {
	if s.Days < 1 || s.Days > maxDays {
		return UsageError{fmt.Errorf("--days %d: give 1 to %d", s.Days, maxDays)}
	}
	return nil
}

// selfSign writes a certificate for the slot's key, signed by that key.
func (w *Work) selfSign(ctx context.Context, slot piv.Slot, key crypto.PublicKey, pin piv.PINPolicy, touch piv.TouchPolicy, subject Subject) error {
	if err := w.needManagement(ctx); err != nil {
		return err
	}
	if pin != piv.PINNever {
		if err := w.needPIN(ctx); err != nil {
			return err
		}
	}
	if touch == piv.TouchAlways || touch == piv.TouchCached {
		fmt.Fprintln(w.say, "Touch the card now: the key signs its certificate.")
	}
	der, err := w.signCertificate(ctx, slot, key, pin, w.template(slot, subject))
	if errors.Is(err, piv.StatusSecurityNotSatisfied) && touch != piv.TouchNever {
		err = fmt.Errorf("%w: was the card not touched?", err)
	}
	if err != nil {
		return err
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		return err
	}
	return w.putCertificate(ctx, slot, cert)
}

func (w *Work) template(slot piv.Slot, subject Subject) *x509.Certificate {
	name := subject.Name
	if name == "" {
		name = fmt.Sprintf("%s slot %s", w.token().Name(), slot)
	}
	number := make([]byte, 16)
	_, _ = rand.Read(number) // never fails
	number[0] = number[0]&0x7F | 0x40
	return &x509.Certificate{
		SerialNumber: new(big.Int).SetBytes(number),
		Subject:      pkix.Name{CommonName: name},
		NotBefore:    time.Now().Truncate(time.Second),
		NotAfter:     time.Now().AddDate(0, 0, subject.Days),
		KeyUsage:     x509.KeyUsageDigitalSignature,
		ExtKeyUsage:  []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
	}
}

// signCertificate also verifies the signature: x509 does that.
func (w *Work) signCertificate(ctx context.Context, slot piv.Slot, key crypto.PublicKey, pin piv.PINPolicy, template *x509.Certificate) (der []byte, err error) {
	err = w.do(ctx, func(a *piv.Applet) error {
		if pin != piv.PINNever {
			if err := a.Verify(ctx, w.pin); err != nil {
				return err
			}
		}
		signer, err := a.Signer(ctx, slot, key)
		if err != nil {
			return err
		}
		der, err = x509.CreateCertificate(rand.Reader, template, template, key, signer)
		return err
	})
	return der, err
}

// putCertificate writes a certificate with the management key.
func (w *Work) putCertificate(ctx context.Context, slot piv.Slot, cert *x509.Certificate) error {
	if err := w.needManagement(ctx); err != nil {
		return err
	}
	w.changed = true
	return w.do(ctx, func(a *piv.Applet) error {
		if err := w.proveManagement(ctx, a, w.management); err != nil {
			return err
		}
		return a.PutCertificate(ctx, slot, cert)
	})
}
