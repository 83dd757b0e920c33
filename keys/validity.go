package keys

import (
	"math"
	"time"

	"github.com/keybroker/keybroker/keys/publickey"
)

// ValidUntil returns when a certificate expires (OpenSSH PROTOCOL.certkeys, "valid
// before"); zero: never, or the key is not a certificate.
func (i *Info) ValidUntil() time.Time {
	cert, ok := publickey.CertificateOf(i.PublicKey)
	if !ok || cert.ValidBefore > math.MaxInt64 {
		return time.Time{}
	}
	return time.Unix(int64(cert.ValidBefore), 0)
}

// WhyNotValid returns why a certificate is not valid now, in a few words: "expired on
// 2026-11-22 10:00 UTC". It is "" for a valid one, and for a key without certificate.
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
