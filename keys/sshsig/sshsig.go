// Package sshsig makes and checks signatures of files (PROTOCOL.sshsig) by the system's
// ssh-keygen: it knows every kind of key, certificates and the file of allowed signers, and
// anybody can check its result with the same command.
package sshsig

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/keybroker/keybroker/keys/publickey"
	"github.com/keybroker/keybroker/platform"
	"github.com/keybroker/keybroker/problem"
	"golang.org/x/crypto/ssh"
)

// Signed is a signature that ssh-keygen found good.
type Signed struct {
	Principal   string `json:"principal"`   // of allowed_signers
	Fingerprint string `json:"fingerprint"` // of a certificate: of the key in it
}

// Verify asks ssh-keygen whether a signer of the file of allowed signers signed data. at is
// the time at which the signer's line must have been valid; zero: now. It works on copies
// of its own, so that nothing changes between two looks.
func Verify(ctx context.Context, data, armoured, signers []byte, namespace string, at time.Time) (Signed, error) {
	sig, err := Parse(armoured)
	if err != nil {
		return Signed{}, err
	}
	signed := Signed{Fingerprint: ssh.FingerprintSHA256(publickey.Certified(sig.Key))}
	if sig.Namespace != namespace {
		return signed, problem.With(fmt.Errorf("it was made for %.60q", sig.Namespace), "sign with: ssh-keygen -Y sign -n %s", namespace)
	}
	dir, err := platform.NewScratch("kb-sshsig-")
	if err != nil {
		return signed, err
	}
	defer dir.Close()
	sigFile, signersFile := filepath.Join(dir.Dir, "sig"), filepath.Join(dir.Dir, "signers")
	if err := errors.Join(os.WriteFile(sigFile, armoured, 0o600), os.WriteFile(signersFile, signers, 0o600)); err != nil {
		return signed, err
	}
	if _, err := keygen(ctx, "", data, "-Y", "check-novalidate", "-n", namespace, "-s", sigFile); err != nil {
		return signed, ErrOtherData
	}
	valid := verifyTime(at)
	found, err := keygen(ctx, "", nil, append([]string{"-Y", "find-principals", "-s", sigFile, "-f", signersFile}, valid...)...)
	if err != nil {
		return signed, ErrNoSigner
	}
	signed.Principal, _, _ = strings.Cut(strings.TrimSpace(string(found)), "\n")
	if _, err := keygen(ctx, "", data, append([]string{"-Y", "verify", "-n", namespace, "-s", sigFile, "-f", signersFile, "-I", signed.Principal}, valid...)...); err != nil {
		return signed, problem.With(fmt.Errorf("the file of signers does not let %.60q sign this", signed.Principal), `look at "namespaces" and "valid-before" of the signer's line`)
	}
	return signed, nil
}

// verifyTime is the option for a time, which ssh-keygen reads in UTC with a Z since
// OpenSSH 8.9.
func verifyTime(at time.Time) []string {
	if at.IsZero() {
		return nil
	}
	return []string{"-O", "verify-time=" + at.Local().Format("20060102150405")}
}

// Why a signature does not count.
var (
	ErrOtherData = errors.New("the signature is not of this file: it was changed after it was signed")
	ErrNoSigner  = errors.New("the signer is not in the file of allowed signers")
)

// ErrRefused means that the agent did not sign. ssh-keygen says so in words alone.
var ErrRefused = errors.New("the agent refused to sign")

// Sign signs data with a key of the agent at socket, or of SSH_AUTH_SOCK if that is "", or
// with a private key file; path is of the public or the private half. It returns the
// armoured signature.
func Sign(ctx context.Context, socket string, data []byte, path, namespace string) ([]byte, error) {
	path, err := filepath.Abs(path)
	if err != nil {
		return nil, err
	}
	return keygen(ctx, socket, data, "-Y", "sign", "-q", "-n", namespace, "-f", path)
}

// SignWithKey signs with a key that the agent holds. line is the public key, as in
// authorized_keys.
func SignWithKey(ctx context.Context, socket string, data []byte, line, namespace string) ([]byte, error) {
	dir, err := platform.NewScratch("kb-sshsig-")
	if err != nil {
		return nil, err
	}
	defer dir.Close()
	public := filepath.Join(dir.Dir, "key.pub")
	if err := os.WriteFile(public, []byte(line+"\n"), 0o600); err != nil {
		return nil, err
	}
	return Sign(ctx, socket, data, public, namespace)
}

func keygen(ctx context.Context, socket string, in []byte, args ...string) ([]byte, error) {
	cmd := platform.Command(ctx, "ssh-keygen", args...)
	if socket != "" {
		cmd.Env = append(os.Environ(), "SSH_AUTH_SOCK="+socket)
	}
	var out, errs bytes.Buffer
	cmd.Stdin, cmd.Stdout, cmd.Stderr = bytes.NewReader(in), &out, &errs
	if err := cmd.Run(); err != nil {
		if errors.Is(err, exec.ErrNotFound) {
			return nil, problem.New("there is no ssh-keygen", "install OpenSSH's client")
		}
		if strings.Contains(errs.String(), "agent refused operation") {
			return nil, ErrRefused
		}
		return nil, fmt.Errorf("ssh-keygen: %s", platform.Escape(strings.TrimSpace(errs.String()), 200))
	}
	return out.Bytes(), nil
}
