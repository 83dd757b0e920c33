package agent

import (
	"slices"
	"strings"

	"github.com/keybroker/keybroker/keys"
	"github.com/keybroker/keybroker/keys/publickey"
	"golang.org/x/crypto/ssh"
)

// maxPrincipals is how many names a host's certificate may have: OpenSSH takes
// no more (SSHKEY_CERT_MAX_PRINCIPALS).
const maxPrincipals = 256

// caAlgorithms may sign a host's certificate: OpenSSH's list, without SHA-1.
var caAlgorithms = []string{
	ssh.KeyAlgoED25519, ssh.KeyAlgoECDSA256, ssh.KeyAlgoECDSA384, ssh.KeyAlgoECDSA521,
	ssh.KeyAlgoSKED25519, ssh.KeyAlgoSKECDSA256, ssh.KeyAlgoRSASHA512, ssh.KeyAlgoRSASHA256,
	publickey.MLDSA44Ed25519,
}

// certificateState is whether an authority has signed a host's certificate. The
// signature is looked at once for a session, and only when somebody knows the authority.
type certificateState struct{ checked, signed bool }

// addCertified adds the names that the certificate gives the host and that an
// authority of known_hosts, with these lines, may give. One that was typed comes
// first.
func (s *session) addCertified(host *keys.Host, b *bind, lines []string) {
	if len(lines) == 0 || !s.isCertified(b) {
		return
	}
	cert, _ := publickey.CertificateOf(b.key)
	principals := cert.ValidPrincipals
	for _, line := range lines {
		for _, name := range slices.Concat(s.meantNames(b), principals, strings.Split(line, ",")) {
			if s.ctx.Err() != nil { // the client is gone
				return
			}
			addVouched(host, line, principals, name)
		}
		host.Hashed = host.Hashed || isHashed(line)
	}
}

// addVouched adds a name, as known_hosts writes it, that both a principal of the
// certificate and a line of its authority are for. The line may be for a port;
// a certificate never says one.
func addVouched(host *keys.Host, line string, principals []string, name string) {
	bare, _, _ := keys.SplitPort(name)
	if strings.ContainsAny(bare, "!|") { // a part of the line that names nothing
		return
	}
	if strings.ContainsAny(bare, "*?") {
		if slices.Contains(principals, bare) && strings.ContainsAny(line, "*?") {
			addPattern(host, bare) // any name that both are for
		}
		return
	}
	if !isPrincipal(principals, bare) {
		return
	}
	forms := []string{bare}
	for pattern := range strings.SplitSeq(line, ",") {
		if _, port, has := keys.SplitPort(pattern); has {
			forms = append(forms, "["+bare+"]:"+port)
		}
	}
	for _, form := range forms {
		switch {
		case !lineMatches(line, form):
		case strings.ContainsAny(form, "*?"):
			addPattern(host, form)
		default:
			addNames(host, form)
		}
	}
}

// isPrincipal matches a name with the principals of a host's certificate, which
// may be patterns.
func isPrincipal(principals []string, name string) bool {
	return slices.ContainsFunc(principals, func(p string) bool { return keys.NewPattern(p, keys.SingleBytes).Match(name) })
}

// isCertified reports whether the host's certificate is one that its authority has
// signed for hosts, and holds now. One without principals is for none (OpenSSH's
// rule; x/crypto would take it for all).
func (s *session) isCertified(b *bind) bool {
	cert, ok := publickey.CertificateOf(b.key)
	switch {
	case !ok || cert.CertType != ssh.HostCert || cert.Signature == nil || !slices.Contains(caAlgorithms, cert.Signature.Format):
		return false
	case len(cert.ValidPrincipals) == 0 || len(cert.ValidPrincipals) > maxPrincipals:
		return false
	case len(cert.CriticalOptions) > 0: // none is known for hosts
		return false
	}
	now := s.server.Now().Unix()
	if now < 0 || uint64(now) < cert.ValidAfter || uint64(now) >= cert.ValidBefore {
		return false
	}
	if !b.certificate.checked {
		b.certificate = certificateState{checked: true, signed: publickey.SignedByAuthority(b.key)}
	}
	return b.certificate.signed
}

// certifies reports whether the host's certificate is for this name, now.
func (s *session) certifies(b *bind, name string) bool {
	cert, ok := publickey.CertificateOf(b.key)
	return ok && len(cert.ValidPrincipals) <= maxPrincipals &&
		isPrincipal(cert.ValidPrincipals, name) &&
		s.isCertified(b)
}
