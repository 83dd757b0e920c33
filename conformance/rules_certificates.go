package conformance

import (
	"crypto/rand"
	"slices"

	"golang.org/x/crypto/ssh"
)

const certificates = "OpenSSH PROTOCOL.certkeys"

var certificateRules = []Rule{
	canHoldCertificate("certificate-ed25519", ssh.KeyAlgoED25519),
	canHoldCertificate("certificate-ecdsa", ssh.KeyAlgoECDSA256),
	canHoldCertificate("certificate-rsa", ssh.KeyAlgoRSA),
	{"certificate-beside-key", certificates, OpenSSH, Adds, "A key and a certificate for it are two entries: one is removed, the other stays.", func(t *T) {
		key := t.AddNew()
		certificate := t.Add(key.certificate(key))
		c := t.Connect()
		if !c.Lists(key) || !c.Lists(certificate) {
			t.Failf("the key is listed: %v, the certificate: %v", c.Lists(key), c.Lists(certificate))
		}
		c.Want(replySuccess, key.remove(), "the key is removed")
		if c.Lists(key) || !c.Lists(certificate) {
			t.Failf("the key was removed, and is listed: %v; the certificate: %v", c.Lists(key), c.Lists(certificate))
		}
		c.MustSign(certificate, someLogin(certificate), "with the certificate that stays")
		c.MustNotSign(key, someLogin(key), "with the key that was removed")
	}},
	{"certificate-not-its-own", certificates, Advice, Adds, "A certificate beside the private key of another one is refused, or does not sign.", func(t *T) {
		t.AddNew()
		key, other := newKey(ssh.KeyAlgoED25519), newKey(ssh.KeyAlgoED25519)
		t.Add(key.certificate(key))
		mixed := key.certificate(other)
		if !t.tryAdd(mixed) {
			return
		}
		c := t.Connect()
		if c.Lists(mixed) {
			c.Signs(mixed, someLogin(mixed)) // ends the rule if the signature is not by the certified key
		}
	}},
	{"certificate-cut", "RFC 9987 §5.1", Must, Adds, "A request to add a certificate that is cut off anywhere is answered by FAILURE, and the certificate is not there.", func(t *T) {
		key := newKey(ssh.KeyAlgoED25519)
		certificate := t.Add(key.certificate(key))
		c := t.Connect()
		c.Number(certificate.remove())
		whole := certificate.add()
		for n := 1; n < len(whole); n += 3 {
			if c.tryAdd(certificate, whole[:n]) {
				t.Failf("SUCCESS after %d bytes of %d", n, len(whole))
			}
		}
	}},
}

// certificate is a certificate for a key, with this key's private half.
func (k testKey) certificate(of testKey) testKey {
	certificate := &ssh.Certificate{Key: of.public, CertType: ssh.UserCert, KeyId: "agentconform", ValidPrincipals: []string{"agentconform"}, ValidBefore: ssh.CertTimeInfinity}
	must(certificate.SignCert(rand.Reader, newHost().key))
	c := testKey{kind: certificate.Type(), blob: certificate.Marshal(), signer: k.signer, public: of.public, secrets: k.secrets}
	c.private = slices.Concat(str(c.blob), k.private)
	if k.kind == ssh.KeyAlgoRSA || k.kind == ssh.KeyAlgoECDSA256 { // only the private fields follow
		f := &fields{rest: k.private}
		f.str()
		f.str()
		c.private = slices.Concat(str(c.blob), f.rest)
	}
	return c
}

func canHoldCertificate(name, kind string) Rule {
	return Rule{name, certificates, OpenSSH, Adds, "A certificate for a key of the type " + kind + " is taken, listed, signs and is removed.", func(t *T) {
		key := t.Add(newKey(kind))
		certificate := key.certificate(key)
		if !t.tryAdd(certificate) {
			t.Failf("refused")
		}
		c := t.Connect()
		if !c.Lists(certificate) {
			t.Failf("it is not in the list")
		}
		c.MustSign(certificate, someLogin(certificate), "with the certificate that was taken")
		c.Want(replySuccess, certificate.remove(), "it is removed")
		if c.Lists(certificate) {
			t.Failf("it was removed, and is in the list")
		}
	}}
}
