package agent

import (
	"crypto/sha256"
	"encoding/base64"
	"slices"

	"github.com/keybroker/keybroker/agent/policy"
	"github.com/keybroker/keybroker/keys"
	"github.com/keybroker/keybroker/keys/publickey"
	"golang.org/x/crypto/ssh"
)

// host names who proved b: by known_hosts, and for what cannot be read there by
// the names that are tried. It is found once for a request.
func (s *session) host(b *bind) keys.Host {
	if host, ok := s.found.hosts[string(b.hostKey)]; ok {
		return host
	}
	host := s.lookUp(b)
	if s.found.hosts == nil {
		s.found.hosts = map[string]keys.Host{}
	}
	s.found.hosts[string(b.hostKey)] = host
	return host
}

func (s *session) lookUp(b *bind) keys.Host {
	if b.key == nil {
		return keys.Host{Fingerprint: fingerprint(b.hostKey), Unproved: b.unproved}
	}
	host := keys.Host{Fingerprint: ssh.FingerprintSHA256(b.key)}
	hosts := s.server.Hosts
	if hosts == nil {
		return host
	}
	if cert, ok := publickey.CertificateOf(b.key); ok {
		host.Revoked = hosts.revokedAt(cert.SignatureKey)
		s.addCertified(&host, b, hosts.authority(cert.SignatureKey))
	}
	try := candidates{meant: func() []string { return s.meantNames(b) }, hashed: s.likelyNames, anyPort: s.rules().HostNames}
	hosts.addTo(s.ctx, &host, publickey.Certified(b.key), try)
	return host
}

// meantNames are typedNames where they are this host's: those of the first
// session, which the caller's own ssh has bound.
func (s *session) meantNames(b *bind) []string {
	if len(s.binds) > 0 && b == &s.binds[0] {
		return s.typedNames()
	}
	return nil
}

// typedNames are the names under which ssh would have written the host to
// known_hosts, by the caller's command line and by ssh_config.
func (s *session) typedNames() []string {
	if s.found.typed == nil {
		s.found.typed = append([]string{}, claimedHost(s.peer).candidates(s.server.SSHConfig)...)
	}
	return s.found.typed
}

// likelyNames are typedNames and those of destination constraints.
func (s *session) likelyNames() []string {
	if s.found.likely == nil {
		s.found.likely = slices.Clone(s.typedNames())
		for _, info := range s.server.Ring.List() {
			for _, d := range info.Destinations {
				s.found.likely = append(s.found.likely, d.From.Host, d.To.Host)
			}
		}
		slices.Sort(s.found.likely)
		s.found.likely = slices.Compact(s.found.likely)
	}
	return s.found.likely
}

// rules are those that one request goes by. The names that they mention are tried
// against known_hosts: other rules would not know of theirs.
func (s *session) rules() *policy.Rules {
	if s.found.rules == nil {
		s.found.rules = s.server.Rules()
	}
	return s.found.rules
}

// forgetNames is for the end of a request: files, rules and keys may change.
func (s *session) forgetNames() { s.found = found{} }

// fingerprint is what ssh.FingerprintSHA256 is for a key that can be parsed.
func fingerprint(blob []byte) string {
	sum := sha256.Sum256(blob)
	return "SHA256:" + base64.RawStdEncoding.EncodeToString(sum[:])
}
