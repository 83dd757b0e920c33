package plan

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/keybroker/keybroker/platform"
	"github.com/keybroker/keybroker/problem"
	"golang.org/x/crypto/ssh"
)

// Namespaces of signatures (PROTOCOL.sshsig section 2), so that a signature for one
// purpose is none for another.
const (
	PlanNamespace  = "keybroker-plan"
	ProofNamespace = "keybroker-proof"
)

// Signed is a signature that ssh-keygen found good.
type Signed struct {
	Principal   string `json:"principal"` // of allowed_signers
	Fingerprint string `json:"fingerprint"`
}

// verifySignature asks ssh-keygen whether a signer of the file of allowed signers signed
// data. It works on copies of its own, so that nothing changes between two looks.
func verifySignature(ctx context.Context, data, armoured, signers []byte, namespace string) (Signed, error) {
	sig, err := parseSignature(armoured)
	if err != nil {
		return Signed{}, err
	}
	signed := Signed{Fingerprint: ssh.FingerprintSHA256(sig.key)}
	if sig.namespace != namespace {
		return signed, problem.With(fmt.Errorf("it was made for %.60q", sig.namespace), "sign with: ssh-keygen -Y sign -n %s", namespace)
	}
	dir, err := os.MkdirTemp("", "keybroker-")
	if err != nil {
		return signed, err
	}
	defer os.RemoveAll(dir)
	sigFile, signersFile := filepath.Join(dir, "sig"), filepath.Join(dir, "signers")
	if err := errors.Join(os.WriteFile(sigFile, armoured, 0o600), os.WriteFile(signersFile, signers, 0o600)); err != nil {
		return signed, err
	}
	if _, err := keygen(ctx, data, "-Y", "check-novalidate", "-n", namespace, "-s", sigFile); err != nil {
		return signed, errOtherData
	}
	found, err := keygen(ctx, nil, "-Y", "find-principals", "-s", sigFile, "-f", signersFile)
	if err != nil {
		return signed, errNoSigner
	}
	signed.Principal, _, _ = strings.Cut(strings.TrimSpace(string(found)), "\n")
	if _, err := keygen(ctx, data, "-Y", "verify", "-n", namespace, "-s", sigFile, "-f", signersFile, "-I", signed.Principal); err != nil {
		return signed, problem.With(fmt.Errorf("the file of signers does not let %.60q sign this now", signed.Principal), `look at "namespaces" and "valid-before" of the signer's line`)
	}
	return signed, nil
}

var (
	errOtherData = errors.New("the signature is not of this file: it was changed after it was signed")
	errNoSigner  = errors.New("the signer is not in the file of allowed signers")
)

// Sign signs data with a key of the agent, or with a private key file; path is of the
// public or the private half. It returns the armoured signature.
func Sign(ctx context.Context, data []byte, path, namespace string) ([]byte, error) {
	path, err := filepath.Abs(path)
	if err != nil {
		return nil, err
	}
	return keygen(ctx, data, "-Y", "sign", "-q", "-n", namespace, "-f", path)
}

// SignWithKey signs with a key that the agent holds.
func SignWithKey(ctx context.Context, data []byte, line, namespace string) ([]byte, error) {
	dir, err := os.MkdirTemp("", "keybroker-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	public := filepath.Join(dir, "key.pub")
	if err := os.WriteFile(public, []byte(line+"\n"), 0o600); err != nil {
		return nil, err
	}
	return Sign(ctx, data, public, namespace)
}

func keygen(ctx context.Context, in []byte, args ...string) ([]byte, error) {
	cmd := exec.CommandContext(ctx, "ssh-keygen", args...)
	var out, errs bytes.Buffer
	cmd.Stdin, cmd.Stdout, cmd.Stderr = bytes.NewReader(in), &out, &errs
	if err := cmd.Run(); err != nil {
		if errors.Is(err, exec.ErrNotFound) {
			return nil, problem.New("there is no ssh-keygen", "install OpenSSH's client")
		}
		return nil, fmt.Errorf("ssh-keygen: %s", platform.Escape(strings.TrimSpace(errs.String()), 200))
	}
	return out.Bytes(), nil
}
