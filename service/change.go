package service

import (
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/keybroker/keybroker/platform"
	"github.com/keybroker/keybroker/problem"
)

// Kind is what a Change sets.
type Kind string

const (
	File  Kind = "file"  // a file of ours
	Link  Kind = "link"  // a symbolic link; the text is its target
	Seed  Kind = "seed"  // a file that is the person's from then on
	Block Kind = "block" // marked lines in a file of the person
	Value Kind = "value" // a string in the Windows registry
)

// maxFile bounds the files that are read: the shells' start files are a few kilobytes.
const maxFile = 1 << 20

// Change is one thing that an installation sets.
type Change struct {
	Kind Kind   `json:"kind"`
	Path string `json:"path"` // absolute; of a value, below the user's part of the registry
	Text string `json:"text"` // what is written there
	Made bool   `json:"made"` // a block: the file was not there before
	Open bool   `json:"open"` // a block: the file did not end with a newline
	Why  string `json:"-"`    // for the person, in a few words
}

// present is what is at the place of a change. whole is the text of the whole file in
// which a block stands, with its mode.
type present struct {
	there bool
	text  string

	whole      string
	wholeMode  fs.FileMode
	wholeThere bool
}

// look reads what is at the change's place. What is there in another form than the
// change would have is an error: it is not ours to replace.
func (c Change) look() (present, error) {
	if c.Kind == Value {
		text, there, err := readValue(c.Path)
		return present{there: there, text: text}, err
	}
	info, err := os.Lstat(c.Path)
	if errors.Is(err, fs.ErrNotExist) {
		return present{}, nil
	}
	if err != nil {
		return present{}, err
	}
	if c.Kind == Link {
		return lookAtLink(c.Path, info)
	}
	if info.Mode()&fs.ModeSymlink != 0 {
		return present{}, linkFound(c)
	}
	data, err := platform.ReadTrusted(c.Path, maxFile)
	if err != nil {
		return present{}, err
	}
	if c.Kind == File || c.Kind == Seed {
		return present{there: true, text: string(data)}, nil
	}
	text, there, err := findBlock(string(data))
	if err != nil {
		return present{}, fmt.Errorf("%s: %w", c.Path, err)
	}
	return present{there, text, string(data), info.Mode().Perm(), true}, nil
}

func lookAtLink(path string, info fs.FileInfo) (present, error) {
	if info.Mode()&fs.ModeSymlink == 0 {
		return present{}, foreign(Change{Kind: Link, Path: path})
	}
	target, err := os.Readlink(path)
	return present{there: true, text: target}, err
}

func linkFound(c Change) error {
	target, _ := os.Readlink(c.Path)
	err := fmt.Errorf("%s is a symbolic link to %s, which is not followed", c.Path, platform.Escape(target, 200))
	if c.Kind == Block {
		return problem.With(err, "add the lines that docs/service.md shows there yourself, and give --no-shell")
	}
	return problem.With(err, "put a file in its place, or remove the link")
}

// foreign is the error for a file that keybroker did not write.
func foreign(c Change) error {
	if c.Kind == Value {
		return problem.With(fmt.Errorf(`HKEY_CURRENT_USER\%s was set by another program`, c.Path), "remove it with that program, or by regedit, and run this again")
	}
	return problem.With(fmt.Errorf("%s is there already, and was not written by this command, or was changed since", c.Path), "keep your version under another name, remove it, and run this again")
}

// apply writes the change. before is what look found: if that is no longer there, nothing
// is written.
func (c Change) apply(before present) error {
	if err := c.unchanged(before); err != nil {
		return err
	}
	switch c.Kind {
	case Value:
		return writeValue(c.Path, c.Text)
	case Link:
		return relink(c.Text, c.Path)
	case Block:
		mode := before.wholeMode
		if !before.wholeThere {
			mode = 0o644
		}
		return platform.WriteFileAtomic(c.Path, []byte(putBlock(before.whole, c.Text)), mode)
	}
	return platform.WriteFileAtomic(c.Path, []byte(c.Text), 0o644)
}

// remove takes the change back.
func (c Change) remove(before present) error {
	if err := c.unchanged(before); err != nil {
		return err
	}
	switch c.Kind {
	case Value:
		return deleteValue(c.Path)
	case Block:
		rest := cutBlock(before.whole, c.Open)
		if rest != "" || !c.Made {
			return platform.WriteFileAtomic(c.Path, []byte(rest), before.wholeMode)
		}
	}
	return os.Remove(c.Path)
}

// unchanged guards against a change by somebody else since the person saw the plan.
func (c Change) unchanged(before present) error {
	now, err := c.look()
	if err != nil {
		return err
	}
	if now != before {
		return problem.New(c.Path+" was changed in the meantime", "run this again")
	}
	return nil
}

// relink makes or replaces a symbolic link, which is never missing in between.
func relink(target, path string) error {
	temp := fmt.Sprintf("%s.%d.tmp", path, os.Getpid())
	if err := os.Symlink(target, temp); err != nil {
		return err
	}
	err := os.Rename(temp, path)
	if err != nil {
		_ = os.Remove(temp)
	}
	return err
}
