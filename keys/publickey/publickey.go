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
	var first []byte
	for rest = line; len(first) == 0 && len(rest) > 0; first = Trim(first) {
		first, rest, _ = bytes.Cut(rest, []byte("\n"))
	}
	key, trailing, err := parseFields(first, err)
	if err != nil {
		return nil, "", nil, nil, err
	}
	return key, string(trailing), nil, rest, nil
}

// parseFields reads a type and a key in base64. The error is otherwise, or why a well-formed
// key is none that Parse reads.
func parseFields(line []byte, otherwise error) (key ssh.PublicKey, rest []byte, err error) {
	name, rest := CutField(line)
	encoded, rest := CutField(rest)
	blob, err := base64.StdEncoding.DecodeString(string(encoded))
	if head, _, ok := takeString(blob); err != nil || !ok || !bytes.Equal(head, name) {
		return nil, nil, otherwise
	}
	key, err = Parse(blob)
	return key, rest, err
}

// blanks are what OpenSSH separates the fields of a line by. Other white space, also that of
// Unicode, belongs to a field.
const blanks = " \t"

// Trim removes the end of a line, and the blanks around it.
func Trim(line []byte) []byte {
	return bytes.Trim(bytes.TrimSuffix(bytes.TrimSuffix(line, []byte("\n")), []byte("\r")), blanks)
}

// CutField splits a trimmed line after its first field.
func CutField(line []byte) (field, rest []byte) {
	end := bytes.IndexAny(line, blanks)
	if end < 0 {
		return line, nil
	}
	return line[:end], bytes.TrimLeft(line[end:], blanks)
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
	first, rest := CutField(Trim(line))
	if bytes.HasPrefix(first, []byte("#")) {
		return "", nil, nil, err
	}
	if name, marked := bytes.CutPrefix(first, []byte("@")); marked {
		marker = string(name)
		first, rest = CutField(rest)
	}
	if key, _, err = parseFields(rest, err); err != nil {
		return "", nil, nil, err
	}
	hosts = strings.Split(string(first), ",")
	return marker, hosts, key, nil
}
