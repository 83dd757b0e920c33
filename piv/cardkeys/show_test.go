package cardkeys

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"testing"
	"time"

	"github.com/keybroker/keybroker/piv"
)

var noon = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

func slotOf(t *testing.T, slot piv.Slot, issuer string, end time.Time) piv.SlotInfo {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	info := piv.SlotInfo{Slot: slot, Algorithm: piv.P256, PublicKey: key.Public()}
	if issuer != "" {
		info.Certificate = &x509.Certificate{
			Issuer: pkix.Name{CommonName: issuer}, Subject: pkix.Name{CommonName: "DOE.JANE"},
			ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}, NotBefore: noon.AddDate(-1, 0, 0), NotAfter: end,
		}
	}
	return info
}

func TestListed(t *testing.T) {
	later, before := noon.AddDate(1, 0, 0), noon.AddDate(0, 0, -1)
	main, mail := slotOf(t, 0x9a, "DOD ID CA-59", later), slotOf(t, 0x9c, "DOD EMAIL CA-59", before)
	plain := slotOf(t, 0x82, "", later)
	weak := slotOf(t, 0x9d, "", later)
	weak.Algorithm = piv.RSA1024
	cac := &piv.Token{Kind: piv.KindPIV, Slots: []piv.SlotInfo{main, mail, plain, weak}}
	headless := &piv.Token{Kind: piv.KindPIV, Slots: []piv.SlotInfo{mail}}
	unread := &piv.Token{Kind: piv.KindPIV, Slots: []piv.SlotInfo{{Slot: 0x9a, Problem: "odd"}, plain}}
	leftOver := main
	leftOver.NoKey = true
	yubikey := &piv.Token{Kind: piv.KindYubiKey, Slots: cac.Slots}
	yes, no := true, false
	for _, test := range []struct {
		name  string
		token *piv.Token
		slot  piv.SlotInfo
		rules []Rule
		want  bool
	}{
		{"a CAC's authentication key", cac, main, nil, true},
		{"its lookalike", cac, mail, nil, false},
		{"where the authentication key is missing", headless, mail, nil, true},
		{"where the authentication key cannot be read", unread, plain, nil, false},
		{"a certificate without a key", yubikey, leftOver, nil, false},
		{"a certificate without a key, shown", yubikey, leftOver, []Rule{{Slot: "9a", Action: ActionShow}}, false},
		{"any key of a YubiKey", yubikey, plain, nil, true},
		{"what is too weak", yubikey, weak, nil, false},
		{"what is too weak, and not called so", yubikey, weak, []Rule{{Slot: "9d", Action: ActionShow}}, false},
		{"what is too weak, and called so", yubikey, weak, []Rule{{Slot: "9d", Weak: true, Action: ActionShow}}, true},
		{"what is not weak", cac, mail, []Rule{{Weak: true, Action: ActionShow}}, false},
		{"what has no key", cac, piv.SlotInfo{Slot: 0x9a}, nil, false},
		{"hidden by its issuer", cac, main, []Rule{{Issuer: "*dod id ca*", Action: ActionHide}}, false},
		{"shown by its slot", cac, mail, []Rule{{Slot: "9c", Action: ActionShow}}, true},
		{"the first rule decides", cac, mail, []Rule{{Slot: "9*", Action: ActionHide}, {Slot: "9c", Action: ActionShow}}, false},
		{"hidden as expired", yubikey, mail, []Rule{{Expired: &yes, Action: ActionHide}}, false},
		{"not expired", yubikey, main, []Rule{{Expired: &yes, Action: ActionHide}}, true},
		{"in its time", yubikey, main, []Rule{{Expired: &no, Action: ActionHide}}, false},
		{"by its usage", cac, mail, []Rule{{EKU: "client*", Action: ActionShow}}, true},
		{"by another usage", cac, mail, []Rule{{EKU: "smartcard*", Action: ActionShow}}, false},
		{"by its subject", cac, mail, []Rule{{Subject: "CN=DOE.JANE", Action: ActionShow}}, true},
		{"without a certificate no rule on one matches", yubikey, plain, []Rule{{Issuer: "*", Action: ActionHide}}, true},
	} {
		if got := Listed(test.token, test.slot, test.rules, noon); got != test.want {
			t.Errorf("%s: listed %v", test.name, got)
		}
	}
}

func TestRuleValidate(t *testing.T) {
	for _, rule := range []Rule{{Slot: "9a"}, {Slot: "9a", Action: "maybe"}, {Action: ActionHide}} {
		if rule.Validate() == nil {
			t.Errorf("%+v passes", rule)
		}
	}
	for _, rule := range []Rule{{Slot: "9a", Action: ActionHide}, {Action: ActionShow}} {
		if err := rule.Validate(); err != nil {
			t.Errorf("%+v: %v", rule, err)
		}
	}
}
