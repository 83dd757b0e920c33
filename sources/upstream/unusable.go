package upstream

import (
	"fmt"
	"strings"

	"github.com/keybroker/keybroker/keys/publickey"
	"golang.org/x/crypto/ssh"

	"github.com/keybroker/keybroker/keys"
	"github.com/keybroker/keybroker/platform"
	"github.com/keybroker/keybroker/problem"
	"github.com/keybroker/keybroker/wire"
)

const (
	// maxNamed bounds the keys that a problem names, and maxName each name.
	maxNamed, maxName = 4, 64
)

// infoOf reads one entry of the other agent's list. Its error names the key.
func infoOf(one wire.Identity) (keys.Info, error) {
	name := "a key without a comment"
	if one.Comment != "" {
		name = fmt.Sprintf("the key \"%s\"", platform.Escape(one.Comment, maxName))
	}
	key, err := publickey.Parse(one.KeyBlob)
	if err != nil {
		return keys.Info{}, fmt.Errorf("%s, of %s", name, publickey.Describe(one.KeyBlob))
	}
	if err := keys.CheckListable(key); err != nil {
		return keys.Info{}, fmt.Errorf("%s: %w", name, err)
	}
	return keys.NewInfo(key, keys.ListedComment(one.Comment)), nil
}

// Problems says which keys of the other agent are not used and why, with remedies.
func (s *Source) Problems() (list []error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.away != nil {
		return []error{s.away}
	}
	if len(s.unused) > 0 {
		named := strings.Join(s.unused[:min(len(s.unused), maxNamed)], "; ")
		if more := len(s.unused) - maxNamed; more > 0 {
			named += fmt.Sprintf("; and %d more", more)
		}
		list = append(list, s.wrap(problem.With(fmt.Errorf("not used: %s", named), "ask that agent itself for them: SSH_AUTH_SOCK=%s", s.config.Path)))
	}
	if s.old {
		list = append(list, s.wrap(errTooOld))
	}
	return list
}

// errTooOld is for an agent that ignores the flags of RFC 8332.
var errTooOld = problem.New("that agent is too old for RSA keys: it signs with SHA-1 (ssh-rsa) when SHA-2 is asked for, which servers refuse", "update that agent, or use a key of another type in it; its keys of other types are used")

// checkAlgorithm marks an agent as too old until it signs with SHA-2.
func (s *Source) checkAlgorithm(signature *ssh.Signature, algorithm string) error {
	rsa := flags(algorithm) != 0
	if !rsa {
		return nil
	}
	s.mu.Lock()
	wasOld := s.old
	s.old = signature.Format == ssh.KeyAlgoRSA
	isOld := s.old
	s.mu.Unlock()
	if isOld != wasOld {
		s.config.Changed()
	}
	if isOld {
		return errTooOld
	}
	return nil
}
