package doctor

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/keybroker/keybroker/platform"
)

// Fix is a repair that is safe and can be undone: it changes only what this user owns.
type Fix struct {
	What string `json:"what"` // a command that does the same
	Undo string `json:"undo"` // and the one that undoes it

	do func() error
}

// Do makes the repair.
func (f *Fix) Do() error { return f.do() }

var errChanged = errors.New("it has changed since it was examined: run doctor again")

// chmodFix takes bits of the mode away. It returns nil if path is not a file or directory of this
// user, and if there is nothing to take.
func chmodFix(path string, allowed fs.FileMode) *Fix {
	info, err := os.Lstat(path)
	if err != nil || !info.Mode().IsRegular() && !info.IsDir() || !platform.OwnedByMe(info) {
		return nil
	}
	old := info.Mode() & changeable
	if old&fs.ModePerm&^allowed == 0 {
		return nil
	}
	name, next := quoted(path), old&^(fs.ModePerm&^allowed)
	return &Fix{
		What: fmt.Sprintf("chmod %03o %s", octal(next), name), Undo: fmt.Sprintf("chmod %03o %s", octal(old), name),
		do: func() error {
			file, err := os.Open(path)
			if err != nil {
				return err
			}
			defer file.Close()
			if now, err := file.Stat(); err != nil || !os.SameFile(info, now) {
				return errChanged
			}
			return file.Chmod(next)
		},
	}
}

// changeable are the bits that chmod sets. Those that are not permissions stay: the directory of
// a group gives its files to that group by one.
const changeable = fs.ModePerm | fs.ModeSetuid | fs.ModeSetgid | fs.ModeSticky

// octal is a mode as chmod takes it.
func octal(mode fs.FileMode) uint32 {
	bits := uint32(mode.Perm())
	for bit, value := range map[fs.FileMode]uint32{fs.ModeSetuid: 0o4000, fs.ModeSetgid: 0o2000, fs.ModeSticky: 0o1000} {
		if mode&bit != 0 {
			bits |= value
		}
	}
	return bits
}

// deadSocketFix moves a socket aside at which nothing listens. It returns nil if it is not a
// socket of this user.
func deadSocketFix(path string) *Fix {
	info, err := os.Lstat(path)
	if err != nil || info.Mode().Type() != fs.ModeSocket || !platform.OwnedByMe(info) {
		return nil
	}
	aside := path + ".dead"
	return &Fix{
		What: fmt.Sprintf("mv -n %s %s", quoted(path), quoted(aside)), Undo: fmt.Sprintf("mv -n %s %s", quoted(aside), quoted(path)),
		do: func() error {
			if now, err := os.Lstat(path); err != nil || !os.SameFile(info, now) || !isDead(path) {
				return errChanged
			}
			if _, err := os.Lstat(aside); err == nil {
				return fmt.Errorf("%s is there already", filepath.Base(aside))
			}
			return os.Rename(path, aside)
		},
	}
}

// maxPath bounds a path in a command: a longer one is not shown whole.
const maxPath = 4096

// quoted is a path as a shell reads it, on one line.
func quoted(path string) string {
	return platform.ShellWord(platform.Escape(path, maxPath))
}
