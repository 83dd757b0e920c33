package keys

import (
	"math"
	"time"

	"github.com/keybroker/keybroker/keys/publickey"
)

// ValidUntil is the end of a certificate's time; zero: it has none, or the key
// is no certificate (OpenSSH PROTOCOL.certkeys, "valid before").
func (i *Info) ValidUntil() time.Time {
	cert, ok := publickey.CertificateOf(i.PublicKey)
	if !ok || cert.ValidBefore > math.MaxInt64 {
		return time.Time{}
	}
	return time.Unix(int64(cert.ValidBefore), 0)
}

// WhyNotValid says why a certificate is of no use at a moment, in a few words:
// "expired on 2026-11-22 10:00 UTC". It is "" for one that is of use, and for
// what is no certificate.
func (i *Info) WhyNotValid(now time.Time) string {
	cert, ok := publickey.CertificateOf(i.PublicKey)
	if !ok {
		return ""
	}
	if until := i.ValidUntil(); !until.IsZero() && !now.Before(until) {
		return "expired on " + date(until)
	}
	if cert.ValidAfter > math.MaxInt64 {
		return "never valid"
	}
	if after := time.Unix(int64(cert.ValidAfter), 0); now.Before(after) {
		return "not valid before " + date(after)
	}
	return ""
}

func date(t time.Time) string { return t.UTC().Format("2006-01-02 15:04 MST") }
