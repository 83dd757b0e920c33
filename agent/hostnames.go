package agent

import (
	"slices"
	"strings"

	"github.com/keybroker/keybroker/agent/keys"
	"golang.org/x/crypto/ssh"
)

// host names who proved b: by known_hosts, with what the command line says for
// those entries that cannot be read.
func (s *session) host(b bind, claim claim) keys.Host {
	host := keys.Host{Fingerprint: ssh.FingerprintSHA256(b.key)}
	if s.server.Hosts == nil {
		return host
	}
	if cert, ok := b.key.(*ssh.Certificate); ok {
		host.Names = s.certifiedNames(cert, claim)
	}
	for _, name := range s.server.Hosts.Names(certified(b.key).Marshal(), claim.candidates()) {
		host.Names = appendName(host.Names, name)
	}
	return host
}

// certifiedNames are those that the certificate gives the host and that an
// authority of known_hosts may give. The one that was typed comes first.
func (s *session) certifiedNames(cert *ssh.Certificate, claim claim) (names []string) {
	for _, name := range append(claim.hostNames(), cert.ValidPrincipals...) {
		if name == "" || strings.ContainsAny(name, "*?!") || !s.certifies(cert, name) {
			continue
		}
		for _, written := range []string{name, claim.withPort(name)} { // a line may be for one port alone
			if s.server.Hosts.Vouches(cert.SignatureKey, written) {
				names = appendName(names, written)
				break
			}
		}
	}
	return names
}

func appendName(names []string, name string) []string {
	if slices.Contains(names, name) || len(names) >= maxHostNames {
		return names
	}
	return append(names, name)
}

// Vouches says whether a line "@cert-authority" of this key is for the name.
func (k *KnownHosts) Vouches(authority ssh.PublicKey, name string) bool {
	for _, path := range k.paths {
		for _, line := range k.read(path).authorities[string(authority.Marshal())] {
			if isFor(line, name) {
				return true
			}
		}
	}
	return false
}

// isFor matches a name with the patterns of one line, as sshd(8) has it: one that
// is negated and matches makes the line count for nothing.
func isFor(patterns []string, name string) (matches bool) {
	for _, pattern := range patterns {
		plain, negated := strings.CutPrefix(pattern, "!")
		switch {
		case strings.HasPrefix(pattern, "|1|"):
			matches = matches || unhash(pattern, []string{name}) != ""
		case !keys.MatchPattern(strings.ToLower(name), strings.ToLower(plain)):
		case negated:
			return false
		default:
			matches = true
		}
	}
	return matches
}
