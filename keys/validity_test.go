package keys

import (
	"math"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"
)

func TestValidity(t *testing.T) {
	now := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	at := uint64(now.Unix())
	for _, test := range []struct {
		after, before uint64
		want          string
	}{
		{0, ssh.CertTimeInfinity, ""},
		{at, at + 1, ""},
		{0, at, "expired on 2026-11-22 12:00 UTC"},
		{0, 0, "expired on 1970-01-01 00:00 UTC"},
		{at + 60, ssh.CertTimeInfinity, "not valid before 2026-11-22 12:01 UTC"},
		{math.MaxUint64, ssh.CertTimeInfinity, "never valid"},
	} {
		info := Info{PublicKey: &ssh.Certificate{ValidAfter: test.after, ValidBefore: test.before}}
		if got := info.WhyNotValid(now); got != test.want {
			t.Errorf("from %d until %d: %q, not %q", test.after, test.before, got, test.want)
		}
	}
	var plain Info
	if plain.WhyNotValid(now) != "" || !plain.ValidUntil().IsZero() {
		t.Error("what is no certificate has no time")
	}
}
