package publickey

import (
	"golang.org/x/crypto/ssh"
)

// subjectFields is how many fields the certified key has in a certificate of each type
// (PROTOCOL.certkeys).
var subjectFields = map[string]int{
	//lint:ignore SA1019 OpenSSH before 10 has DSA keys
	ssh.CertAlgoRSAv01: 2, ssh.InsecureCertAlgoDSAv01: 4, ssh.CertAlgoED25519v01: 1,
	ssh.CertAlgoECDSA256v01: 2, ssh.CertAlgoECDSA384v01: 2, ssh.CertAlgoECDSA521v01: 2,
	ssh.CertAlgoSKED25519v01: 2, ssh.CertAlgoSKECDSA256v01: 3,
}

// parseCertificate reads a certificate signed by a Composite. It lets x/crypto read
// the certificate with a dummy authority, and then puts in the real one. false: it is
// not such a certificate.
func parseCertificate(blob []byte, fields int) (*ssh.Certificate, bool) {
	rest, before := blob, 2+fields // type, nonce, the key
	for range before {
		var ok bool
		if _, rest, ok = takeString(rest); !ok {
			return nil, false
		}
	}
	const serialAndType = 8 + 4
	if len(rest) < serialAndType {
		return nil, false
	}
	rest = rest[serialAndType:]
	for i := range 5 { // key ID, principals; then two times; critical options, extensions, reserved
		if i == 2 {
			if len(rest) < 16 {
				return nil, false
			}
			rest = rest[16:]
		}
		var ok bool
		if _, rest, ok = takeString(rest); !ok {
			return nil, false
		}
	}
	authority, tail, ok := takeString(rest)
	signature, end, signed := takeString(tail)
	if !ok || !signed || len(end) > 0 {
		return nil, false
	}
	return withAuthority(blob[:len(blob)-len(rest)], authority, signature)
}

func withAuthority(head, authority, signature []byte) (*ssh.Certificate, bool) {
	name, rest, ok := takeString(authority)
	if !ok || string(name) != MLDSA44Ed25519 {
		return nil, false
	}
	key, err := parseComposite(rest)
	if err != nil {
		return nil, false
	}
	parsedSignature := new(ssh.Signature)
	if ssh.Unmarshal(signature, parsedSignature) != nil {
		return nil, false
	}
	dummy := ssh.Marshal(struct{ Authority, Signature []byte }{
		ssh.Marshal(struct {
			Type string
			Key  []byte
		}{ssh.KeyAlgoED25519, make([]byte, 32)}),
		ssh.Marshal(ssh.Signature{Format: ssh.KeyAlgoED25519, Blob: make([]byte, 64)}),
	})
	parsed, err := ssh.ParsePublicKey(append(append([]byte(nil), head...), dummy...))
	if err != nil {
		return nil, false
	}
	cert, ok := parsed.(*ssh.Certificate)
	if ok {
		cert.SignatureKey, cert.Signature = key, parsedSignature
	}
	return cert, ok
}
