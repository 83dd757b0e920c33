// Package pubformat reads and writes public keys in the three forms that SSH
// software exchanges: OpenSSH's one line, RFC 4716, and PKIX ("BEGIN PUBLIC KEY").
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

// Format names a form of a public key.
type Format string

// The formats.
const (
	OpenSSH Format = "openssh"
	RFC4716 Format = "rfc4716"
	PKIX    Format = "pkix"
)

// MaxSize bounds a public key file. A certificate with many principals is the
// largest thing that is one; it stays well below.
const MaxSize = 64 << 10

// MaxComment is what fits a quoted RFC 4716 Comment (section 3.3).
const MaxComment = maxHeaderValue - 2

// CheckComment refuses what cannot stand on the one line that every format has
// for it, or would not come back as it was.
func CheckComment(comment string) error {
	switch {
	case len(comment) > MaxComment:
		return fmt.Errorf("the comment has %d bytes, and %d are allowed", len(comment), MaxComment)
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

// Parse reads a public key in any of the formats; which one is told by its
// first words. The comment is "" where there is none.
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
