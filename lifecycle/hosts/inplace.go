package hosts

import (
	"bytes"
	"errors"
	"os"

	"github.com/keybroker/keybroker/lifecycle/authorized"
)

// inPlace makes the change by single bytes and by one append, and returns the file as
// it is then.
func (e *edit) inPlace(old, wanted []byte) ([]byte, error) {
	patches, expected, err := authorized.Minimal(old, wanted)
	if err != nil {
		return nil, err
	}
	for _, patch := range patches {
		if patch.Line == nil {
			err = e.append(patch.New)
		} else {
			err = e.overwrite(patch)
		}
		if err != nil {
			return nil, err
		}
	}
	now, _, err := e.read()
	if err == nil && !authorized.Holds(now, old, expected) {
		err = errChanged
	}
	return now, err
}

// overwrite writes one byte, if its line is where it was.
func (e *edit) overwrite(patch authorized.Patch) error {
	file, err := e.host.files.OpenFile(e.path, os.O_RDWR)
	if err != nil {
		return err
	}
	defer file.Close()
	start := int64(patch.Offset - patch.In)
	line := make([]byte, len(patch.Line))
	if _, err := file.ReadAt(line, start); err != nil || !bytes.Equal(line, patch.Line) {
		return errChanged
	}
	if _, err := file.WriteAt(patch.New, int64(patch.Offset)); err != nil {
		return e.whyNot(err)
	}
	return file.Close()
}

// append adds text in one write, which appends of others do not disturb. What a full disk
// took of it is taken back.
func (e *edit) append(text []byte) error {
	file, err := e.host.files.OpenFile(e.path, os.O_RDWR|os.O_APPEND)
	if err != nil {
		return err
	}
	defer file.Close()
	_, before, err := readAll(file)
	if err != nil {
		return err
	}
	if text = bytes.TrimLeft(text, "\n"); len(before) > 0 && !bytes.HasSuffix(before, []byte("\n")) {
		text = append([]byte{'\n'}, text...)
	}
	_, failed := file.WriteAt(text, int64(len(before)))
	if failed == nil {
		return file.Close()
	}
	failed = e.whyNot(failed)
	_, now, err := readAll(file)
	if err == nil && len(now) > len(before) && bytes.HasPrefix(text, now[len(before):]) {
		err = file.Truncate(int64(len(before)))
	}
	return errors.Join(failed, err)
}
