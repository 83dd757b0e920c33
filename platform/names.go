package platform

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"slices"

	"github.com/keybroker/keybroker/problem"
)

const (
	// maxNames bounds what is read of a directory, which another program can fill.
	maxNames = 16384
	// namesAtOnce is how many are read at a time.
	namesAtOnce = 512
)

// ListNames returns the names in a directory, sorted; none for a missing one. It never
// blocks. For a directory with too many names it returns some of them and an error.
func ListNames(path string) ([]string, error) {
	dir, err := openWithoutWaiting(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer func() { _ = dir.Close() }()
	var names []string
	for err == nil && len(names) <= maxNames {
		var some []string
		some, err = dir.Readdirnames(namesAtOnce)
		names = append(names, some...)
	}
	slices.Sort(names)
	switch {
	case err == nil:
		return names, problem.With(fmt.Errorf("%s has more than %d files; the rest is left out", path, maxNames), "look there, and remove what is not needed")
	case errors.Is(err, io.EOF):
		return names, nil
	}
	return names, err
}
