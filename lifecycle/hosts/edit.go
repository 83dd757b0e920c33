package hosts

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"

	"github.com/pkg/sftp"

	"github.com/keybroker/keybroker/platform"
	"github.com/keybroker/keybroker/problem"
)

// maxAgain is how often an edit starts again because somebody else changed the file.
const maxAgain = 20

// maxReplaces is how often it tries to replace a file before it changes it in place,
// which appends of others do not disturb.
const maxReplaces = 5

// How an edit was made.
const (
	Unchanged = "unchanged"
	Replaced  = "replaced" // a new file was renamed over the old one
	InPlace   = "in place" // one byte, or an append
)

// Edited is what came of an edit.
type Edited struct {
	Path   string // the file that was changed, after links
	Way    string
	Old    []byte    // the file before
	New    []byte    // the file after, as it was read back
	SHA256 [2]string // of both, in hex
	Again  int       // times that it started again because the file had changed
	Why    string    // InPlace: why the file could not be replaced
	Backup string    // local copy of Old; "": none was asked for
}

// Edit changes a file of the account. change gets what is there, and is called again if
// somebody else writes to the file meanwhile: what it returns must depend on old alone.
//
// At every moment the file on the server is whole, the old one or the new one: the new
// one is written beside it and renamed over it. Where that is not possible (a full
// disk, a directory that cannot be written, a link) and the change is only lines
// commented out, brought back or added, single bytes are written and lines appended.
// Nothing is ever truncated. Backups stay on this machine: a copy beside the file may
// be one that sshd reads.
func (h *Host) Edit(ctx context.Context, file string, change func(old []byte) ([]byte, error)) (Edited, error) {
	defer h.within(ctx)()
	target, err := h.follow(file)
	if err != nil {
		return Edited{}, h.explain(ctx, "find", file, err)
	}
	e := &edit{host: h, path: target, change: change}
	if unlock := e.lock(); unlock != nil {
		defer unlock()
		e.sweep()
	}
	for again := 0; again < maxAgain; again++ {
		e.busy = again >= maxReplaces
		result, err := e.once(ctx)
		result.Again = again
		if !errors.Is(err, errChanged) {
			return result, e.finish(ctx, err)
		}
	}
	return Edited{}, h.fail(Changed, "somebody else writes to "+target+" all the time", "stop that, and try again")
}

// follow resolves the links on the way to a file that may not exist yet.
func (h *Host) follow(file string) (string, error) {
	if target, err := h.files.RealPath(file); err == nil {
		if _, err := h.files.Stat(file); err == nil {
			return target, nil
		}
	}
	if info, err := h.files.Lstat(file); err == nil && info.Mode()&fs.ModeSymlink != 0 {
		return "", problem.New("it is a link to a file that is not there", "make that file, or take the link away")
	}
	dir, err := h.files.RealPath(path.Dir(file))
	return path.Join(dir, path.Base(file)), err
}

// errChanged is returned when the file is not what the edit was made from.
var errChanged = errors.New("somebody else changed the file")

type edit struct {
	host   *Host
	path   string
	change func([]byte) ([]byte, error)
	busy   bool // others write so often that replacing it would not come to an end
}

// once tries the edit from what is there now.
func (e *edit) once(ctx context.Context) (Edited, error) {
	old, info, err := e.read()
	if err != nil {
		return Edited{}, err
	}
	wanted, err := e.change(bytes.Clone(old))
	if err != nil {
		return Edited{}, err
	}
	result := Edited{Path: e.path, Old: old, New: wanted, SHA256: [2]string{sum(old), sum(wanted)}, Way: Unchanged}
	if bytes.Equal(old, wanted) {
		return result, nil
	}
	if result.Backup, err = e.host.backup(old); err != nil {
		return Edited{}, err
	}
	now, err := e.replace(old, wanted, info)
	if cannot, ok := errors.AsType[*cannotReplace](err); ok && info != nil {
		result.Way, result.Why = InPlace, cannot.Error()
		now, err = e.inPlace(old, wanted)
		result.New, result.SHA256[1] = now, sum(now)
		if err != nil && !errors.Is(err, errChanged) {
			err = errors.Join(err, cannot)
		}
		return result, err
	}
	result.Way, result.New, result.SHA256[1] = Replaced, now, sum(now)
	return result, err
}

// read returns the file; info is nil if there is none.
func (e *edit) read() ([]byte, fs.FileInfo, error) {
	file, err := e.host.files.Open(e.path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil, nil
	}
	if err != nil {
		return nil, nil, err
	}
	defer file.Close()
	info, data, err := readAll(file)
	return data, info, err
}

// finish makes an error for people of what ended the edit.
func (e *edit) finish(ctx context.Context, err error) error {
	h := e.host
	switch {
	case err == nil || KindOf(err) != "":
		return err
	case errors.Is(err, errFull):
		return h.fail(DiskFull, "the disk of "+e.path+" is full", "make room on the server, and try again; the file is as it was")
	case errors.Is(err, fs.ErrPermission):
		return &Failure{Kind: NotWritable, Target: h.target, err: problem.With(fmt.Errorf("%s cannot be written by %s", e.path, h.Account()), "%s", e.byHand())}
	}
	return h.explain(ctx, "change", e.path, err)
}

func (e *edit) byHand() string {
	return "make the change as root, on the server; its owner and mode must let " + e.host.Account() + " write it: ls -l " + e.path
}

// backup keeps a copy of a file on this machine.
func (h *Host) backup(old []byte) (string, error) {
	if h.dialer.Backups == "" || old == nil {
		return "", nil
	}
	if err := os.MkdirAll(h.dialer.Backups, 0o700); err != nil {
		return "", err
	}
	path := filepath.Join(h.dialer.Backups, sum(old))
	return path, platform.WriteFileAtomic(path, old, 0o600)
}

// isUnsupported is true for a request that the server does not know.
func isUnsupported(err error) bool {
	return errors.Is(err, sftp.ErrSSHFxOpUnsupported) || err != nil && strings.Contains(err.Error(), "not supported")
}
