package softkeys

import (
	"bytes"
	"fmt"

	"github.com/keybroker/keybroker/problem"
)

// notPrivate says what a file is that has no private key in PEM or in PuTTY's format.
func notPrivate(file []byte) error {
	file = bytes.TrimSpace(file)
	has := func(text string) bool { return bytes.Contains(file, []byte(text)) }
	switch {
	case len(file) == 0:
		return fmt.Errorf("%w: it is empty", ErrNotPrivate)
	case has("PRIVATE KEY-----"):
		return &UnsupportedError{What: "it is truncated or damaged: the END line of the private key is missing"}
	case bytes.HasPrefix(file, []byte("ssh-")), bytes.HasPrefix(file, []byte("ecdsa-")), has("PUBLIC KEY"):
		return problem.With(fmt.Errorf("%w, but a public key", ErrNotPrivate), "give the private one, without .pub in its name")
	case has("-----BEGIN CERTIFICATE REQUEST"), has("-----BEGIN NEW CERTIFICATE REQUEST"):
		return problem.With(fmt.Errorf("%w, but a certificate request (CSR)", ErrNotPrivate), "give the private key file that the request was made with")
	case has("-----BEGIN CERTIFICATE"):
		return problem.With(fmt.Errorf("%w, but an X.509 certificate", ErrNotPrivate), "give the file with the private key")
	}
	if err := otherFormat(file); err != nil {
		return err
	}
	if file[0] == 0x30 {
		return problem.With(&UnsupportedError{What: "it looks like DER (PKCS#8 or PKCS#12), but keybroker reads only PEM"},
			"convert it first: openssl pkey -inform DER -in FILE -out NEWFILE, or openssl pkcs12 -in FILE -nocerts -out NEWFILE")
	}
	return &UnsupportedError{What: "it holds no private key in PEM or in PuTTY's format"}
}

// otherFormat names the formats that neither keybroker nor ssh-add reads.
func otherFormat(file []byte) error {
	switch {
	case bytes.HasPrefix(file, []byte("---- BEGIN SSH2 ENCRYPTED PRIVATE KEY")):
		return problem.New("it is in ssh.com's format, which keybroker does not read",
			"convert it first: puttygen FILE -O private-openssh -o NEWFILE, or, without a passphrase: (umask 077; ssh-keygen -i -f FILE >NEWFILE)")
	case isPGP(file):
		return problem.New("it is an OpenPGP key, which keybroker does not read",
			"use it through gpg-agent as an upstream agent (man keybroker-config, [[upstream]]), or make a new key: keybroker keys generate NAME")
	case file[0] == '{' && bytes.Contains(file, []byte(`"kty"`)):
		return problem.New("it is a JSON Web Key (JWK), which keybroker does not read",
			"write it as PEM with the program that made it, or make a new key: keybroker keys generate NAME")
	case utf16Of(file) != "":
		return problem.New("it is text in UTF-16, which keybroker does not read",
			"convert it first: (umask 077; iconv -f "+utf16Of(file)+" -t UTF-8 FILE >NEWFILE), or in PowerShell: Get-Content FILE | Set-Content -Encoding ascii NEWFILE")
	}
	return nil
}

// isPGP reports whether the file begins with a version 4 secret key packet in the
// old format (RFC 9580 section 4.2), as gpg writes it, or with its armor.
func isPGP(file []byte) bool {
	return bytes.HasPrefix(file, []byte("-----BEGIN PGP PRIVATE KEY BLOCK")) ||
		len(file) > 3 && (file[0] == 0x94 && file[2] == 4 || file[0] == 0x95 && file[3] == 4)
}

// utf16Of is iconv's name for the file's encoding, by UTF-16's byte order mark or by the
// hyphens of PEM, which is how each file begins that was not given a mark; "": another.
func utf16Of(file []byte) string {
	begins := func(prefix string) bool { return bytes.HasPrefix(file, []byte(prefix)) }
	switch {
	case begins("\xff\xfe"), begins("\xfe\xff"):
		return "UTF-16"
	case begins("-\x00-\x00-\x00"):
		return "UTF-16LE"
	case begins("\x00-\x00-\x00-"):
		return "UTF-16BE"
	}
	return ""
}
