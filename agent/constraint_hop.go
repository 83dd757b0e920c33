package agent

import (
	"bytes"
	"slices"

	"github.com/keybroker/keybroker/agent/keys"
	"golang.org/x/crypto/ssh"
)

// caAlgorithms may sign a host's certificate: OpenSSH's list, without SHA-1.
var caAlgorithms = []string{
	ssh.KeyAlgoED25519, ssh.KeyAlgoECDSA256, ssh.KeyAlgoECDSA384, ssh.KeyAlgoECDSA521,
	ssh.KeyAlgoSKED25519, ssh.KeyAlgoSKECDSA256, ssh.KeyAlgoRSASHA512, ssh.KeyAlgoRSASHA256,
}

// isHop says whether the host that proved this session is the one of a hop: by
// its key, or by a certificate in the hop's name from one of its authorities.
func (s *session) isHop(b *bind, hop keys.Hop) bool {
	cert, certificate := b.key.(*ssh.Certificate)
	for _, key := range hop.Keys {
		switch {
		case key.CA != certificate:
		case !certificate && sameKey(b.key, key.Key):
			return true
		case certificate && sameKey(cert.SignatureKey, key.Key) && s.certifies(cert, hop.Host):
			return true
		}
	}
	return false
}

// certifies says whether a certificate is for this host, now. One without
// principals is for none (OpenSSH's rule; x/crypto would take it for all).
func (s *session) certifies(cert *ssh.Certificate, host string) bool {
	if cert.CertType != ssh.HostCert || cert.Signature == nil || !slices.Contains(caAlgorithms, cert.Signature.Format) {
		return false
	}
	i := slices.IndexFunc(cert.ValidPrincipals, func(principal string) bool { return keys.MatchPattern(host, principal) })
	if i < 0 {
		return false
	}
	checker := ssh.CertChecker{Clock: s.server.Now}
	return checker.CheckCert(cert.ValidPrincipals[i], cert) == nil
}

func sameKey(a, b ssh.PublicKey) bool { return bytes.Equal(a.Marshal(), b.Marshal()) }
