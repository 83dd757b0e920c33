package hosts

import (
	"bytes"
	"cmp"
	"crypto/rand"
	"errors"
	"io/fs"
	"os"
	"path"
	"strings"
	"time"

	"github.com/pkg/sftp"

	"github.com/keybroker/keybroker/lifecycle/authorized"
)

// tempPrefix begins with a dot, because a glob of AuthorizedKeysFile passes over such names.
const tempPrefix = ".kb-"

const (
	newFileMode = 0o600
	newDirMode  = 0o700
	// fullBelow is the room on a disk below which a write that failed is put down to
	// it: SFTP has no code for a full disk.
	fullBelow = 64 << 10
)

var errFull = errors.New("the disk is full")

// cannotReplace is why a file cannot be replaced by rename.
type cannotReplace struct {
	why string
	err error
}

func (c *cannotReplace) Error() string {
	if c.err == nil {
		return c.why
	}
	return c.why + ": " + c.err.Error()
}

func (c *cannotReplace) Unwrap() error { return c.err }

// replace writes the new file beside the old one, renames it over it, and returns what is
// there then. The error is errChanged if the file is not old any more.
func (e *edit) replace(old, wanted []byte, info fs.FileInfo) (now []byte, err error) {
	files := e.host.files
	if _, ok := files.HasExtension("posix-rename@openssh.com"); !ok {
		return nil, &cannotReplace{why: "the server cannot replace a file in one step"}
	}
	if info == nil {
		if err := e.makeDir(); err != nil {
			return nil, err
		}
	}
	if e.busy {
		return nil, &cannotReplace{why: "somebody else writes to it all the time"}
	}
	if e.hardLinked() {
		return nil, &cannotReplace{why: "it has a hard link, which would keep the old contents"}
	}
	temp, err := e.writeTemp(wanted, info)
	if err != nil {
		return nil, err
	}
	kept, err := e.check(old)
	if err == nil {
		if kept != nil {
			defer kept.Close()
		}
		err = files.PosixRename(temp, e.path)
	}
	if err != nil {
		files.Remove(temp)
		return nil, err
	}
	return e.confirm(kept, old, wanted)
}

// makeDir makes the directory of the file, as sshd wants it.
func (e *edit) makeDir() error {
	dir := path.Dir(e.path)
	err := e.host.files.Mkdir(dir)
	if err == nil {
		return e.host.files.Chmod(dir, newDirMode)
	}
	if _, e := e.host.files.Stat(dir); e == nil {
		return nil
	}
	return err
}

// writeTemp writes a file beside the target, with its mode before it has contents.
func (e *edit) writeTemp(wanted []byte, info fs.FileInfo) (_ string, err error) {
	files := e.host.files
	temp := path.Join(path.Dir(e.path), tempPrefix+rand.Text())
	file, err := files.OpenFile(temp, os.O_RDWR|os.O_CREATE|os.O_EXCL)
	if err != nil {
		return "", &cannotReplace{"its directory cannot be written", e.whyNot(err)}
	}
	defer func() {
		if e := file.Close(); err == nil {
			err = e
		}
		if err != nil {
			files.Remove(temp)
		}
	}()
	if err := e.likeOld(file, info); err != nil {
		return "", &cannotReplace{"a new file cannot have its owner and mode", err}
	}
	if _, err := file.WriteAt(wanted, 0); err != nil {
		return "", &cannotReplace{"a new file cannot be written", e.whyNot(err)}
	}
	if err := file.Sync(); err != nil && !isUnsupported(err) {
		return "", &cannotReplace{"a new file cannot be written", e.whyNot(err)}
	}
	if _, back, err := readAll(file); err != nil || !bytes.Equal(back, wanted) {
		return "", errors.Join(errors.New("what was written cannot be read back"), err)
	}
	return temp, nil
}

// likeOld gives a new file the owner and mode of the old one.
func (e *edit) likeOld(file *sftp.File, info fs.FileInfo) error {
	if info == nil {
		return file.Chmod(newFileMode)
	}
	now, err := file.Stat()
	if err != nil {
		return err
	}
	uid, gid := owners(info)
	if u, g := owners(now); u != uid || g != gid {
		if err := file.Chown(int(uid), int(gid)); err != nil {
			return err
		}
	}
	return file.Chmod(info.Mode().Perm())
}

// check opens the target again and compares it. The open file is still the old one
// after the rename.
func (e *edit) check(old []byte) (*sftp.File, error) {
	file, err := e.host.files.Open(e.path)
	if errors.Is(err, fs.ErrNotExist) && old == nil {
		return nil, nil
	}
	if errors.Is(err, fs.ErrNotExist) {
		return nil, errChanged
	}
	if err != nil {
		return nil, err
	}
	if _, now, err := readAll(file); err != nil || !bytes.Equal(now, old) {
		file.Close()
		return nil, errors.Join(err, errChanged)
	}
	return file, nil
}

// confirm reads what is there after the rename, and brings over what others wrote into
// the old file since its last look: kept is still that file. Who opened it before the
// rename may write to it a moment later, so it is looked at twice.
func (e *edit) confirm(kept *sftp.File, old, wanted []byte) ([]byte, error) {
	if kept != nil {
		late, err := e.bringOver(kept, old)
		if err != nil {
			return nil, err
		}
		time.Sleep(cmp.Or(e.host.dialer.Settle, DefaultSettle))
		if _, err := e.bringOver(kept, late); err != nil {
			return nil, err
		}
	}
	now, _, err := e.read()
	if err == nil && !authorized.Holds(now, old, wanted) {
		err = errChanged
	}
	return now, err
}

// bringOver appends the lines that were added to the old file too late, and returns what
// it holds.
func (e *edit) bringOver(kept *sftp.File, old []byte) ([]byte, error) {
	_, late, err := readAll(kept)
	if err != nil || bytes.Equal(late, old) {
		return late, err
	}
	added := authorized.Added(old, late)
	if len(added) == 0 {
		return nil, e.host.fail(Changed, "somebody else took lines out of "+e.path+" at the same moment, and they are there again", "look at the file, and take them out again")
	}
	return late, e.append(authorized.Joined(nil, added))
}

// hardLinked reports whether the file has another name. Servers that are not OpenSSH
// may not say.
func (e *edit) hardLinked() bool {
	if _, err := e.host.files.ReadDir(path.Dir(e.path)); err != nil {
		return false
	}
	return e.host.seen.hardLinks(path.Base(e.path)) > 1
}

// whyNot tells a full disk from other failures of a write.
func (e *edit) whyNot(err error) error {
	if room, e := e.host.files.StatVFS(path.Dir(e.path)); e == nil && room.FreeSpace() < fullBelow {
		return errFull
	}
	return err
}

// sweep removes the temporary files of runs that were killed. Only who has the lock may
// do it: another's edit may be on its way.
func (e *edit) sweep() {
	dir := path.Dir(e.path)
	entries, err := e.host.files.ReadDir(dir)
	if err != nil {
		return
	}
	for _, entry := range entries {
		if strings.HasPrefix(entry.Name(), tempPrefix) && entry.Name() != lockName && entry.Mode().IsRegular() {
			e.host.files.Remove(path.Join(dir, entry.Name()))
		}
	}
}
