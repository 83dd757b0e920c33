//go:build linux

package main

import (
	"bytes"
	"crypto/ed25519"
	"crypto/rsa"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/rogpeppe/go-internal/testscript"
	"golang.org/x/crypto/ssh"
)

func isReset(err error) bool {
	return errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE)
}

// cmdNoSecrets is "nosecrets FILE … -- PLACE …": nothing of what is in the
// files (private keys without passphrase, or a line of text) is in the places
// (files and directories), in any of the forms in which it would be written.
// With ! it is there: a search that finds nothing proves nothing by itself.
func cmdNoSecrets(ts *testscript.TestScript, neg bool, args []string) {
	files, places, found := split(args)
	if !found {
		ts.Fatalf("usage: nosecrets FILE … -- PLACE …")
	}
	var needles [][]byte
	for _, file := range files {
		needles = append(needles, formsOf([]byte(strings.TrimSpace(ts.ReadFile(file))))...)
	}
	hit := ""
	for _, place := range places {
		ts.Check(filepath.WalkDir(ts.MkAbs(place), func(path string, entry fs.DirEntry, err error) error {
			if err != nil || !entry.Type().IsRegular() {
				return err
			}
			data, err := os.ReadFile(path)
			for _, needle := range needles {
				if bytes.Contains(data, needle) {
					hit = path
				}
			}
			return err
		}))
	}
	if (hit != "") != neg {
		ts.Fatalf("found in: %q", hit)
	}
}

func split(args []string) (before, after []string, found bool) {
	for i, arg := range args {
		if arg == "--" {
			return args[:i], args[i+1:], i > 0 && i+1 < len(args)
		}
	}
	return nil, nil, false
}

func formsOf(secret []byte) [][]byte {
	forms := [][]byte{secret}
	if private, err := ssh.ParseRawPrivateKey(secret); err == nil {
		forms = nil
		for line := range strings.Lines(string(secret)) { // of the PEM text
			if line = strings.TrimSpace(line); len(line) > 60 && !strings.HasPrefix(line, "-") {
				forms = append(forms, []byte(line))
			}
		}
		forms = forms[1:] // the first line of OpenSSH's format is the same for all
		secret = rawOf(private)
		forms = append(forms, secret)
	}
	return append(forms, []byte(hex.EncodeToString(secret)), []byte(strings.ToUpper(hex.EncodeToString(secret))),
		[]byte(base64.StdEncoding.EncodeToString(secret)), []byte(base64.RawStdEncoding.EncodeToString(secret)))
}

// rawOf is the number that makes the key.
func rawOf(private any) []byte {
	switch key := private.(type) {
	case *ed25519.PrivateKey:
		return key.Seed()
	case *rsa.PrivateKey:
		return key.D.Bytes()
	}
	return nil
}
