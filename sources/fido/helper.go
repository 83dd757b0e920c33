package fido

import (
	"cmp"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"

	"golang.org/x/crypto/ssh"

	"github.com/keybroker/keybroker/platform"
	"github.com/keybroker/keybroker/problem"
)

// The protocol of ssh-sk-helper: one request, one answer (OpenSSH, ssh-sk.h).
// Its version has been 5 since OpenSSH 8.2.
const (
	helperVersion = 5
	helperError   = 0
	helperSign    = 1

	logErrors = 2 // SYSLOG_LEVEL_ERROR
)

// The helper's errors that have their own message (OpenSSH, ssherr.h).
const (
	codeWrongPIN = 43
	codeNoDevice = 60
)

// maxAnswer bounds the helper's answer.
const maxAnswer = 256 << 10

// errPIN means that the device needs a PIN.
var errPIN = errors.New("the security key needs its PIN")

// helperPlaces are the paths where systems install the program.
var helperPlaces = []string{
	"/usr/lib/openssh/ssh-sk-helper", "/usr/libexec/openssh/ssh-sk-helper", "/usr/lib/ssh/ssh-sk-helper",
	"/usr/libexec/ssh-sk-helper", "/usr/local/libexec/ssh-sk-helper", "/opt/homebrew/libexec/ssh-sk-helper",
}

func (c Config) helperPath() (string, error) {
	if c.Helper != "" {
		return c.Helper, nil
	}
	if named := os.Getenv("SSH_SK_HELPER"); named != "" {
		return exec.LookPath(named)
	}
	for _, path := range helperPlaces {
		if info, err := os.Stat(path); err == nil && info.Mode().IsRegular() {
			return path, nil
		}
	}
	return "", problem.New("there is no ssh-sk-helper", "install OpenSSH's client (Debian: openssh-client), or set SSH_SK_HELPER")
}

// sign runs the helper for one signature; it is killed when ctx ends.
func (c Config) sign(ctx context.Context, k *key, data, pin []byte) (*ssh.Signature, error) {
	request := signRequest(k, data, pin)
	defer clear(request)
	answer, err := c.run(ctx, request)
	if err != nil {
		return nil, fmt.Errorf("ssh-sk-helper: %w", err)
	}
	var reply struct {
		Type uint32
		Rest []byte `ssh:"rest"`
	}
	if err := ssh.Unmarshal(answer, &reply); err != nil {
		return nil, fmt.Errorf("ssh-sk-helper: %w", err)
	}
	switch reply.Type {
	case helperError:
		return nil, helperFault(reply.Rest, pin != nil)
	case helperSign:
		return parseSignature(reply.Rest)
	}
	return nil, fmt.Errorf("ssh-sk-helper answered %d to a request to sign", reply.Type)
}

// signRequest allocates the full size at once, so that no copy of the PIN remains.
func signRequest(k *key, data, pin []byte) []byte {
	const fixed = 4 + 1 + 4 + 4 + 6*4
	b := make([]byte, 4, 4+1+fixed+len(k.Serialized)+len(k.Provider)+len(data)+len(pin))
	b = binary.BigEndian.AppendUint32(append(b, helperVersion), helperSign)
	b = binary.BigEndian.AppendUint32(append(b, 0), logErrors)                    // not to stderr
	for _, field := range [][]byte{k.Serialized, []byte(k.Provider), data, nil} { // nil: the algorithm is the key's
		b = binary.BigEndian.AppendUint32(b, uint32(len(field)))
		b = append(b, field...)
	}
	b = binary.BigEndian.AppendUint32(b, 0) // compatibility flags
	b = binary.BigEndian.AppendUint32(b, uint32(len(pin)))
	b = append(b, pin...)
	binary.BigEndian.PutUint32(b, uint32(len(b)-4))
	return b
}

// run returns the answer without its length and version.
func (c Config) run(ctx context.Context, request []byte) ([]byte, error) {
	path, err := c.helperPath()
	if err != nil {
		return nil, err
	}
	answer, err := exchange(ctx, path, request)
	if err != nil {
		return nil, problem.With(err, "it may not match this version (protocol %d), or its library is faulty: see the system's log", helperVersion)
	}
	switch {
	case len(answer) < 5 || int(binary.BigEndian.Uint32(answer)) != len(answer)-4:
		return nil, errors.New("its answer is truncated")
	case answer[4] != helperVersion:
		return nil, problem.With(fmt.Errorf("it speaks version %d of its protocol, not %d", answer[4], helperVersion), "use the helper of OpenSSH 8.2 or later")
	}
	return answer[5:], nil
}

// exchange runs the helper for one request. When ctx ends, the helper is killed
// and the connection closed, even if the helper's children still hold it.
func exchange(ctx context.Context, path string, request []byte) ([]byte, error) {
	cmd := platform.Command(ctx, path)
	conn, err := platform.StartChild(cmd)
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	defer context.AfterFunc(ctx, func() { _ = conn.Close() })()
	_, errWrite := conn.Write(request)
	_ = conn.CloseWrite() // the only request
	answer, err := io.ReadAll(io.LimitReader(conn, maxAnswer+1))
	if err = errors.Join(errWrite, err); err == nil && len(answer) > maxAnswer {
		err = errors.New("its answer is too long")
	}
	if err != nil {
		_ = cmd.Process.Kill()
	}
	if errWait := cmd.Wait(); errWait != nil || ctx.Err() != nil {
		err = cmp.Or(ctx.Err(), errWait)
	}
	return answer, err
}

func helperFault(rest []byte, withPIN bool) error {
	var fault struct{ Code uint32 }
	_ = ssh.Unmarshal(rest, &fault) // 0 when it cannot be read
	switch {
	case fault.Code == codeWrongPIN && withPIN:
		return problem.New("the PIN is wrong, or the security key is locked", "try again; a key locks itself after a few wrong PINs")
	case fault.Code == codeWrongPIN:
		return errPIN
	case fault.Code == codeNoDevice:
		return problem.New("the security key with this key is not plugged in", "plug it in")
	}
	return problem.With(fmt.Errorf("the security key did not sign: ssh-sk-helper's error -%d", fault.Code), "was it touched in time? see: ssh-add -T FILE")
}

func parseSignature(rest []byte) (*ssh.Signature, error) {
	var reply struct{ Signature []byte }
	signature := new(ssh.Signature)
	if err := ssh.Unmarshal(rest, &reply); err != nil {
		return nil, fmt.Errorf("signature: %w", err)
	}
	if err := ssh.Unmarshal(reply.Signature, signature); err != nil {
		return nil, fmt.Errorf("signature: %w", err)
	}
	return signature, nil
}
