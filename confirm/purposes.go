package confirm

import (
	"fmt"
	"strings"
	"time"

	"golang.org/x/crypto/ssh"

	"github.com/keybroker/keybroker/desktop/question"
	"github.com/keybroker/keybroker/wire"
)

// This file describes uses that are neither a login nor an SSHSIG: the action for
// the headline, what is signed, and the facts in place of a destination.

// maxPrincipals bounds the names of a certificate that are shown.
const maxPrincipals = 4

func otherAction(p wire.Purpose) string {
	switch p.Kind {
	case wire.KindCertificate:
		return "Issue a certificate for a " + certified(p)
	case wire.KindSudo:
		return "Allow a program to act as another user"
	case wire.KindChallenge:
		return "Sign random bytes that may be sudo's"
	case wire.KindTest:
		return "Test your key"
	}
	return "Sign unknown content"
}

func (w Wording) otherWhat(p wire.Purpose) string {
	switch p.Kind {
	case wire.KindCertificate:
		return "certify the key of a " + certified(p) + ", with this key as the authority"
	case wire.KindSudo:
		if p.Sudo.User == p.Sudo.Account { // sudo asks for its caller, whoever the command runs as
			return "prove that you are " + quote(p.Sudo.User, w.value)
		}
		return fmt.Sprintf("let %s act as %s", quote(p.Sudo.User, w.value), quote(p.Sudo.Account, w.value))
	case wire.KindChallenge:
		return "32 bytes without structure: pam_rssh sends such challenges for sudo, but they may be a digest of anything"
	case wire.KindTest:
		return "1024 random bytes, as ssh-add -T does to test a key"
	}
	return "unknown content: it may be anything, even a login elsewhere"
}

// otherLines are the facts in the signed data.
func (w Wording) otherLines(p wire.Purpose) []question.Line {
	switch {
	case p.Kind == wire.KindCertificate:
		return w.certificate(p.Certificate)
	case p.Kind == wire.KindSudo:
		return w.sudo(p.Sudo)
	case p.Why != "":
		return []question.Line{{Text: Escape(p.Why, w.long)}}
	}
	return nil
}

// certified is "user" or "host".
func certified(p wire.Purpose) string { return p.Certificate.For }

func (w Wording) certificate(c *wire.Certificate) []question.Line {
	lines := append(w.principals(c),
		question.Line{Text: fmt.Sprintf("key ID %s, serial %d", quote(c.KeyID, w.value), c.Serial)},
		question.Line{Text: "certifies the key " + Escape(c.Fingerprint, maxOwn)},
		question.Line{Label: "Valid", Text: validity(c)})
	if len(c.Options) > 0 {
		lines = append(lines, question.Line{Text: "only with " + Escape(strings.Join(c.Options, ", "), w.long)})
	}
	return lines
}

// principals get a line each: if they were clipped as one text, a name could hide
// in its middle.
func (w Wording) principals(c *wire.Certificate) []question.Line {
	if len(c.Principals) == 0 {
		return []question.Line{{Label: "For", Text: "any name: the certificate lists none"}}
	}
	var lines []question.Line
	for _, name := range c.Principals[:min(len(c.Principals), maxPrincipals)] {
		lines = append(lines, question.Line{Text: quote(name, w.value)})
	}
	if more := len(c.Principals) - maxPrincipals; more > 0 {
		lines = append(lines, question.Line{Text: fmt.Sprintf("and %d more names", more)})
	}
	lines[0].Label = "For"
	return lines
}

// validity is in local time.
func validity(c *wire.Certificate) string {
	at := func(seconds uint64) string {
		return time.Unix(int64(min(seconds, 1<<40)), 0).Format("2006-01-02 15:04")
	}
	switch {
	case c.ValidBefore == ssh.CertTimeInfinity && c.ValidAfter == 0:
		return "for ever"
	case c.ValidBefore == ssh.CertTimeInfinity:
		return "from " + at(c.ValidAfter) + ", for ever"
	case c.ValidAfter == 0:
		return "until " + at(c.ValidBefore)
	}
	return "from " + at(c.ValidAfter) + " until " + at(c.ValidBefore)
}

func (w Wording) sudo(s *wire.Sudo) []question.Line {
	service := "service " + quote(s.Service, w.value)
	if s.Host != "" {
		service += " on " + quote(s.Host, w.value)
	}
	lines := []question.Line{{Label: "For", Text: service + ", unverified"}}
	if len(s.Command) > 0 {
		lines = append(lines, question.Line{Text: "command " + quote(strings.Join(s.Command, " "), w.long)})
	}
	if s.Directory != "" {
		lines = append(lines, question.Line{Text: "in " + quote(s.Directory, w.long)})
	}
	return lines
}
