// Package publickey reads public keys in the format of RFC 4253 section 6.6: all types
// of golang.org/x/crypto/ssh, and OpenSSH's ssh-mldsa44-ed25519@openssh.com with its
// certificates and the certificates that such a key signs. It can be removed once
// x/crypto reads them.
package publickey

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"

	"golang.org/x/crypto/ssh"
)

// UnknownType is the error for a key of a type that Parse does not know.
type UnknownType struct{ Type string }

func (u UnknownType) Error() string {
	return fmt.Sprintf("keys of the type %.64q are not supported", u.Type)
}

// Parse reads a key or certificate. The result may point into blob. The error is an
// UnknownType, or says what is wrong with a key of a known type.
func Parse(blob []byte) (ssh.PublicKey, error) {
	head, rest, ok := takeString(blob)
	name := string(head)
	switch {
	case !ok:
		return nil, errors.New("it is cut off")
	case name == MLDSA44Ed25519:
		return parseComposite(rest)
	case name == MLDSA44Ed25519Certificate:
		return parseCompositeCertificate(blob)
	}
	key, err := ssh.ParsePublicKey(blob)
	if err == nil {
		return key, nil
	}
	if fields, known := subjectFields[name]; known {
		if cert, composite := parseCertificate(blob, fields); composite {
			return cert, nil
		}
		return nil, err
	}
	if _, known := plainTypes[name]; known {
		return nil, err
	}
	return nil, UnknownType{name}
}

// Describe returns the type of a key that Parse cannot read, in words.
func Describe(blob []byte) string {
	head, _, ok := takeString(blob)
	name := string(head)
	_, certificate := subjectFields[name]
	switch {
	case !ok || name == "":
		return "no readable type"
	case plainTypes[name], certificate, name == MLDSA44Ed25519, name == MLDSA44Ed25519Certificate:
		return fmt.Sprintf("the type %s, but damaged or out of its limits", name)
	}
	return fmt.Sprintf("a type that is not known here (%s)", strings.Trim(fmt.Sprintf("%+.64q", name), `"`))
}

var plainTypes = map[string]bool{
	//lint:ignore SA1019 OpenSSH before 10 has DSA keys
	ssh.KeyAlgoRSA: true, ssh.InsecureKeyAlgoDSA: true, ssh.KeyAlgoED25519: true,
	ssh.KeyAlgoECDSA256: true, ssh.KeyAlgoECDSA384: true, ssh.KeyAlgoECDSA521: true,
	ssh.KeyAlgoSKED25519: true, ssh.KeyAlgoSKECDSA256: true,
}

// ParseLine is ssh.ParseAuthorizedKey for all keys that Parse reads.
func ParseLine(line []byte) (key ssh.PublicKey, comment string, options []string, rest []byte, err error) {
	key, comment, options, rest, err = ssh.ParseAuthorizedKey(line)
	if err == nil {
		return key, comment, options, rest, nil
	}
	first, after, _ := bytes.Cut(bytes.TrimSpace(line), []byte("\n"))
	fields := strings.SplitN(strings.TrimSpace(string(first)), " ", 3)
	if len(fields) < 2 {
		return nil, "", nil, nil, err
	}
	blob, wrong := base64.StdEncoding.DecodeString(fields[1])
	if head, _, ok := takeString(blob); wrong != nil || !ok || string(head) != fields[0] {
		return nil, "", nil, nil, err
	}
	if key, err = Parse(blob); err != nil {
		return nil, "", nil, nil, err
	}
	if len(fields) == 3 {
		comment = strings.TrimSpace(fields[2])
	}
	return key, comment, nil, after, nil
}

func takeString(b []byte) (field, rest []byte, ok bool) {
	if len(b) < 4 {
		return nil, nil, false
	}
	n := uint64(b[0])<<24 | uint64(b[1])<<16 | uint64(b[2])<<8 | uint64(b[3])
	if n > uint64(len(b)-4) {
		return nil, nil, false
	}
	return b[4 : 4+n], b[4+n:], true
}

// ParseHostLine is ssh.ParseKnownHosts for one line, and for all keys that Parse reads.
func ParseHostLine(line []byte) (marker string, hosts []string, key ssh.PublicKey, err error) {
	marker, hosts, key, _, _, err = ssh.ParseKnownHosts(line)
	if err == nil {
		return marker, hosts, key, nil
	}
	fields := strings.Fields(string(line))
	if len(fields) > 0 && strings.HasPrefix(fields[0], "#") {
		return "", nil, nil, err
	}
	if len(fields) > 0 && strings.HasPrefix(fields[0], "@") {
		marker, fields = fields[0][1:], fields[1:]
	}
	if len(fields) < 3 {
		return "", nil, nil, err
	}
	hosts = strings.Split(fields[0], ",")
	if key, _, _, _, err = ParseLine([]byte(fields[1] + " " + fields[2])); err != nil {
		return "", nil, nil, err
	}
	return marker, hosts, key, nil
}
