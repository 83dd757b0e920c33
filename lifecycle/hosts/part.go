package hosts

import (
	"context"
	"errors"
	"io"
	"io/fs"

	"github.com/pkg/sftp"
)

// errNotRegular is for what could make the server wait, as a FIFO does.
var errNotRegular = errors.New("it is not a file")

// ReadDir lists a directory, without following links.
func (h *Host) ReadDir(ctx context.Context, path string) ([]fs.FileInfo, error) {
	defer h.within(ctx)()
	list, err := h.files.ReadDirContext(ctx, path)
	if err != nil {
		return nil, h.explain(ctx, "list", path, err)
	}
	return list, nil
}

// ReadPart reads at most size bytes from offset.
func (h *Host) ReadPart(ctx context.Context, path string, offset, size int64) ([]byte, error) {
	defer h.within(ctx)()
	file, _, err := h.openRegular(path)
	if err != nil {
		return nil, h.explain(ctx, "read", path, err)
	}
	defer file.Close()
	data, err := io.ReadAll(io.NewSectionReader(file, offset, size))
	if err != nil {
		return nil, h.explain(ctx, "read", path, err)
	}
	return data, nil
}

// ReadTail passes the last size bytes of a file to do, as they arrive. Where the file is
// longer, they begin in the middle of a line.
func (h *Host) ReadTail(ctx context.Context, path string, size int64, do func(tail io.Reader, info fs.FileInfo) error) error {
	defer h.within(ctx)()
	file, info, err := h.openRegular(path)
	if err != nil {
		return h.explain(ctx, "read", path, err)
	}
	defer file.Close()
	if start := info.Size() - size; start > 0 {
		if _, err := file.Seek(start, io.SeekStart); err != nil {
			return h.explain(ctx, "read", path, err)
		}
	}
	if err := do(io.LimitReader(file, size), info); err != nil {
		return h.explain(ctx, "read", path, err)
	}
	return nil
}

func (h *Host) openRegular(path string) (*sftp.File, fs.FileInfo, error) {
	info, err := h.files.Stat(path)
	if err != nil {
		return nil, nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, nil, errNotRegular
	}
	file, err := h.files.Open(path)
	return file, info, err
}

// ConfigPath is where the server's sshd_config is.
func (h *Host) ConfigPath() string { return h.configPath() }
