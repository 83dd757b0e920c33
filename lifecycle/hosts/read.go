package hosts

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"time"

	"github.com/pkg/sftp"
)

// maxFile bounds a file that is read whole. authorized_keys with 10,000 lines is 8 MB
// at the most.
const maxFile = 64 << 20

// AuthorizedFile is a file that sshd reads for the account, as it is on the server.
type AuthorizedFile struct {
	Path     string // as sshd names it
	Target   string // where it really is, after links
	Named    string // by what it is known to be read: an entry of AuthorizedKeysFile, or "the server said so"
	Data     []byte
	Mode     fs.FileMode // permission bits
	UID, GID uint32
	Modified time.Time
	SHA256   string // of Data, in hex
	Link     bool   // Path is a symbolic link, or leads through one
}

// ReadFile reads a file of the server whole.
func (h *Host) ReadFile(ctx context.Context, path string) ([]byte, fs.FileInfo, error) {
	defer h.within(ctx)()
	file, err := h.files.Open(path)
	if err != nil {
		return nil, nil, h.explain(ctx, "read", path, err)
	}
	defer file.Close()
	info, data, err := readAll(file)
	if err != nil {
		return nil, nil, h.explain(ctx, "read", path, err)
	}
	return data, info, nil
}

// readAll reads an open file from its start. Its size is not believed: /proc says 0.
func readAll(file *sftp.File) (fs.FileInfo, []byte, error) {
	info, err := file.Stat()
	if err != nil {
		return nil, nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, nil, errors.New("it is not a file")
	}
	data, err := io.ReadAll(io.NewSectionReader(file, 0, maxFile+1))
	if err == nil && len(data) > maxFile {
		err = fmt.Errorf("it is larger than %d MB", maxFile>>20)
	}
	return info, data, err
}

// explain names the file in an error of SFTP, and keeps what errors.Is finds.
func (h *Host) explain(ctx context.Context, verb, path string, err error) error {
	switch {
	case ctx.Err() != nil:
		return &Failure{Kind: Interrupted, Target: h.target, err: context.Cause(ctx)}
	case h.seen != nil && h.seen.endless.Load():
		return h.fail(Unknown, errEndless.Error(), "find out what runs there: this is no server of OpenSSH")
	case errors.Is(err, sftp.ErrSSHFxConnectionLost), errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, io.ErrClosedPipe), h.run.hasEnded():
		return h.fail(Lost, "the connection was lost", "try again")
	}
	return fmt.Errorf("%s: %s %s: %w", h.target, verb, path, err)
}

func sum(data []byte) string {
	hash := sha256.Sum256(data)
	return hex.EncodeToString(hash[:])
}
