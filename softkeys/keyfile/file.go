// Package keyfile reads private key files, in every form that this machine's
// ssh-add reads, and removes them if asked.
package keyfile

import (
	"bytes"
	"fmt"
	"io"
	"io/fs"
	"os"

	"github.com/keybroker/keybroker/keys/pubformat"
	"github.com/keybroker/keybroker/platform"
	"github.com/keybroker/keybroker/platform/terminal"
	"github.com/keybroker/keybroker/problem"
)

// maxSize bounds a private key file; an RSA key of 16384 bits takes 13 KiB.
const maxSize = 64 << 10

// StandardInput is the path that means standard input.
const StandardInput = "-"

// File is a private key file as it was read.
type File struct {
	path    string
	content []byte
	info    fs.FileInfo // of what was opened; nil for standard input
}

// Open reads the file. If remove is set, it first checks that the file can be
// removed, so that no key is sealed whose file must stay.
func Open(path string, remove bool) (*File, error) {
	if remove {
		if err := checkRemovable(path); err != nil {
			return nil, err
		}
	}
	if path == StandardInput {
		return readStandardInput()
	}
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return nil, err
	}
	content, err := ReadAll(file)
	return &File{path, content, info}, err
}

// readStandardInput then makes the terminal standard input, for later questions.
func readStandardInput() (*File, error) {
	content, err := ReadAll(os.Stdin)
	if tty, e := os.Open(terminal.Path); e == nil {
		os.Stdin = tty
	}
	return &File{path: StandardInput, content: content}, err
}

// ReadAll reads a key file. It refuses one that is too large.
func ReadAll(file *os.File) ([]byte, error) {
	content, err := io.ReadAll(io.LimitReader(file, maxSize+1))
	if err == nil && len(content) > maxSize {
		clear(content)
		return nil, problem.With(fmt.Errorf("%s is larger than any private key (%d bytes)", file.Name(), maxSize), "give the key file itself")
	}
	return content, err
}

const leaveOut = "name the file itself, or leave --delete out"

// ErrStandardInput is wrong usage.
var ErrStandardInput = problem.New("standard input cannot be deleted", leaveOut)

// checkRemovable refuses a path that is not a plain file: --delete would leave the key.
func checkRemovable(path string) error {
	if path == StandardInput {
		return ErrStandardInput
	}
	info, err := os.Lstat(path)
	switch {
	case err != nil:
		return err
	case info.Mode().Type() == fs.ModeSymlink:
		return problem.With(fmt.Errorf("%s is a symbolic link: --delete would remove the link and leave the key", path), "%s", leaveOut)
	case !info.Mode().IsRegular():
		return problem.With(fmt.Errorf("%s is not a regular file, and --delete removes only regular files", path), "%s", leaveOut)
	}
	return nil
}

// Wipe clears what was read.
func (f *File) Wipe() { clear(f.content) }

// Remove deletes the file if it has not changed since it was read.
func (f *File) Remove() error {
	again, err := Open(f.path, true)
	if err != nil {
		return fmt.Errorf("the key is sealed, but the file was not removed: %w", err)
	}
	defer clear(again.content)
	if !os.SameFile(f.info, again.info) || !again.info.ModTime().Equal(f.info.ModTime()) || !bytes.Equal(f.content, again.content) {
		return problem.With(fmt.Errorf("the key is sealed, but %s has changed since it was read and was not removed", f.path),
			"see what it holds, and import that too: ssh-keygen -l -f %s", platform.ShellWord(f.path))
	}
	return os.Remove(f.path)
}

// publicComment is the comment of the .pub file beside it, if that is this key's.
func (f *File) publicComment(blob []byte) string {
	line, err := os.ReadFile(f.path + ".pub")
	if err != nil {
		return ""
	}
	public, comment, err := pubformat.Parse(line)
	if err != nil || !bytes.Equal(public.Marshal(), blob) || pubformat.CheckComment(comment) != nil {
		return ""
	}
	return comment
}
