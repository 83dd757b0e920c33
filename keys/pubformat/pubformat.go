// Package pubformat reads and writes public keys in the three formats that SSH
// software exchanges: OpenSSH's single line, RFC 4716, and PKIX ("BEGIN PUBLIC KEY").
package pubformat

import (
	"bytes"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/keybroker/keybroker/keys/publickey"
	"github.com/keybroker/keybroker/problem"
	"golang.org/x/crypto/ssh"
)

// Format is a format of public keys.
type Format string

// The formats.
const (
	OpenSSH Format = "openssh"
	RFC4716 Format = "rfc4716"
	PKIX    Format = "pkix"
)

// MaxSize bounds a public key file. The largest, certificates with many principals,
// are well below.
const MaxSize = 64 << 10

// MaxComment is what fits in a quoted RFC 4716 Comment (section 3.3), in bytes.
const MaxComment = maxHeaderValue - 2

// CheckComment rejects a comment that does not fit on one line, or that would change
// when it is read again.
func CheckComment(comment string) error {
	switch {
	case len(comment) > MaxComment:
		return fmt.Errorf("the comment has %d bytes, but at most %d are allowed", len(comment), MaxComment)
	case !utf8.ValidString(comment):
		return errors.New("the comment is not UTF-8")
	case strings.ContainsFunc(comment, unicode.IsControl):
		return errors.New("the comment has a control character in it")
	case strings.TrimSpace(comment) != comment:
		return errors.New("the comment begins or ends with a blank")
	}
	return nil
}

// Marshal writes pub in the given format. PKIX has no place for the comment.
func Marshal(format Format, pub ssh.PublicKey, comment string) ([]byte, error) {
	if err := CheckComment(comment); err != nil {
		return nil, fmt.Errorf("write the public key: %w", err)
	}
	switch format {
	case OpenSSH:
		line := bytes.TrimSuffix(ssh.MarshalAuthorizedKey(pub), []byte("\n"))
		if comment != "" {
			line = append(append(line, ' '), comment...)
		}
		return append(line, '\n'), nil
	case RFC4716:
		return marshalRFC4716(pub.Marshal(), comment), nil
	case PKIX:
		return marshalPKIX(pub)
	}
	return nil, problem.With(fmt.Errorf("unknown public key format %q", format), "use %s, %s or %s", OpenSSH, RFC4716, PKIX)
}

// Parse reads a public key in any of the formats, which it recognizes by the first
// words. The comment is "" if there is none.
func Parse(data []byte) (ssh.PublicKey, string, error) {
	if len(data) > MaxSize {
		return nil, "", fmt.Errorf("a public key of %d bytes is too large (at most %d)", len(data), MaxSize)
	}
	data = bytes.TrimSpace(data)
	switch {
	case bytes.HasPrefix(data, []byte(beginMarker)):
		return parseRFC4716(data)
	case bytes.HasPrefix(data, []byte("-----BEGIN ")):
		return parsePKIX(data)
	}
	pub, comment, options, rest, err := publickey.ParseLine(data)
	switch {
	case err != nil:
		return nil, "", fmt.Errorf("read the public key: %w", err)
	case len(options) > 0 || len(bytes.TrimSpace(rest)) > 0:
		return nil, "", errors.New("read the public key: there is more than one key, or authorized_keys options before it")
	}
	return pub, comment, nil
}

func marshalPKIX(pub ssh.PublicKey) ([]byte, error) {
	crypto, ok := pub.(ssh.CryptoPublicKey)
	if !ok {
		return nil, fmt.Errorf("a %s key has no PKIX form", pub.Type())
	}
	der, err := x509.MarshalPKIXPublicKey(crypto.CryptoPublicKey())
	if err != nil {
		return nil, fmt.Errorf("a %s key has no PKIX form: %w", pub.Type(), err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}), nil
}

func parsePKIX(data []byte) (ssh.PublicKey, string, error) {
	block, rest := pem.Decode(data)
	if block == nil || len(bytes.TrimSpace(rest)) > 0 {
		return nil, "", errors.New("read the public key: it is cut off or has more than one part")
	}
	if block.Type != "PUBLIC KEY" {
		return nil, "", fmt.Errorf("read the public key: the file holds a %q, not a %q", block.Type, "PUBLIC KEY")
	}
	crypto, err := x509.ParsePKIXPublicKey(block.Bytes)
	if err != nil {
		return nil, "", fmt.Errorf("read the public key: %w", err)
	}
	pub, err := ssh.NewPublicKey(crypto)
	if err != nil {
		return nil, "", fmt.Errorf("read the public key: %w", err)
	}
	return pub, "", nil
}
