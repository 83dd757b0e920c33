package checkpoint

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"

	"github.com/keybroker/keybroker/agent/audit"
	"github.com/keybroker/keybroker/keys"
	"github.com/keybroker/keybroker/keys/sshsig"
	"github.com/keybroker/keybroker/platform"
	"github.com/keybroker/keybroker/problem"
)

const (
	// SignatureSuffix is of the file beside the text, as ssh-keygen -Y sign names it.
	SignatureSuffix = ".sig"
	// maxFile bounds a file with text and signature, in bytes.
	maxFile = 128 << 10
	// maxSigners bounds the file of allowed signers, in bytes.
	maxSigners = 4 << 20
)

// beginSignature begins the signature in a file that has both.
var beginSignature = []byte("-----BEGIN SSH SIGNATURE-----\n")

// Signed is a checkpoint whose signature is good.
type Signed struct {
	Checkpoint
	File          string `json:"file"`
	sshsig.Signed        // by whom
}

// Read reads a checkpoint, and checks that an allowed signer signed it. The signature is in
// the file, after the text, or in the file beside it. A signer counts who was allowed at
// the time that the checkpoint says.
func Read(ctx context.Context, path, signers string) (Signed, error) {
	text, signature, err := split(path)
	if err != nil {
		return Signed{}, err
	}
	c, err := Parse(text)
	if err != nil {
		return Signed{}, problem.With(fmt.Errorf("%s: %w", path, err), "make one: keybroker log checkpoint --key KEY --out FILE")
	}
	allowed, err := platform.ReadRegular(signers, maxSigners)
	if err != nil {
		return Signed{}, err
	}
	signed, err := sshsig.Verify(ctx, text, signature, allowed, Namespace, c.Time)
	if err != nil {
		return Signed{}, problem.WithDefault(fmt.Errorf("the checkpoint %s does not count: %w", path, err),
			"look for the signer's line in %s: ssh-keygen(1), ALLOWED SIGNERS", signers)
	}
	return Signed{c, path, signed}, nil
}

func split(path string) (text, signature []byte, err error) {
	data, err := platform.ReadRegular(path, maxFile)
	if err != nil {
		return nil, nil, err
	}
	if i := bytes.Index(data, beginSignature); i >= 0 {
		return data[:i], data[i:], nil
	}
	signature, err = platform.ReadRegular(path+SignatureSuffix, maxFile)
	if errors.Is(err, fs.ErrNotExist) {
		err = problem.With(fmt.Errorf("%s has no signature, and there is no %s", path, path+SignatureSuffix), "put both files of the checkpoint beside each other")
	}
	return data, signature, err
}

// Witnessed is what the log must have.
func (s Signed) Witnessed() audit.Witnessed {
	return audit.Witnessed{Head: audit.Head{Seq: s.Seq, Hash: s.Hash}, By: fmt.Sprintf("the checkpoint of %s, signed by %s,", keys.ClaimTime(s.Time), platform.Escape(s.Principal, maxName))}
}
