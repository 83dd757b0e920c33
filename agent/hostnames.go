package agent

import (
	"crypto/sha256"
	"encoding/base64"
	"slices"
	"strings"

	"github.com/keybroker/keybroker/agent/keys"
	"golang.org/x/crypto/ssh"
)

// host names who proved b: by known_hosts, and for what cannot be read there by
// the names that are tried. It is found once for a request.
func (s *session) host(b *bind) keys.Host {
	if host, ok := s.named[string(b.hostKey)]; ok {
		return host
	}
	host := s.lookUp(b)
	if s.named == nil {
		s.named = map[string]keys.Host{}
	}
	s.named[string(b.hostKey)] = host
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
	if cert, ok := b.key.(*ssh.Certificate); ok {
		host.Revoked = hosts.revokedAt(cert.SignatureKey)
		s.addCertified(&host, b, hosts.authority(cert.SignatureKey))
	}
	hosts.addTo(&host, certified(b.key), candidates{s.typedNames, s.mentionedNames})
	return host
}

// typedNames are the names under which ssh would have written the host to
// known_hosts, by the caller's command line and by ssh_config.
func (s *session) typedNames() []string {
	if s.typed == nil {
		s.typed = append([]string{}, claimedHost(s.peer).candidates(s.server.SSHConfig)...)
	}
	return s.typed
}

// mentionedNames are those that rules, sockets and constraints depend on.
func (s *session) mentionedNames() []string {
	if s.mentioned != nil {
		return s.mentioned
	}
	names := append([]string{}, s.server.Rules().HostNames()...)
	for _, info := range s.server.Ring.List() {
		for _, d := range info.Destinations {
			names = append(names, d.From.Host, d.To.Host)
		}
	}
	names = slices.DeleteFunc(names, func(name string) bool { return name == "" || strings.ContainsAny(name, "*?") })
	slices.Sort(names)
	s.mentioned = slices.Compact(names)
	return s.mentioned
}

// forgetNames is for the end of a request: files, rules and keys may change.
func (s *session) forgetNames() { s.named, s.typed, s.mentioned = nil, nil, nil }

// fingerprint is what ssh.FingerprintSHA256 is for a key that can be parsed.
func fingerprint(blob []byte) string {
	sum := sha256.Sum256(blob)
	return "SHA256:" + base64.RawStdEncoding.EncodeToString(sum[:])
}
