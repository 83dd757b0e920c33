package collect

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/keybroker/keybroker/lifecycle/authorized"
)

// maxFile bounds a file of authorised keys: 100,000 lines of the usual length.
const maxFile = 64 << 20

// file is what was read of one path.
type file struct {
	path     string
	data     []byte
	modified time.Time
	err      error
}

// readFiles reads with the rights of the thread (see asUser).
func readFiles(paths []string, version authorized.Version) (files []file) {
	for _, path := range paths {
		matches := []string{path}
		if globs(version, path) {
			matches, _ = filepath.Glob(path)
		}
		for _, match := range matches {
			if match != path && strings.HasPrefix(filepath.Base(match), ".") {
				continue // glob(3) leaves them out
			}
			files = append(files, readFile(match))
		}
	}
	return files
}

func readFile(path string) file {
	opened, err := os.OpenFile(path, os.O_RDONLY|nonblock, 0) // a pipe must not hold us
	if err != nil {
		return file{path: path, err: err}
	}
	defer opened.Close()
	info, err := opened.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = &fs.PathError{Op: "read", Path: path, Err: errors.New("not a regular file")}
	}
	if err != nil {
		return file{path: path, err: err}
	}
	data, err := io.ReadAll(io.LimitReader(opened, maxFile+1))
	if err == nil && len(data) > maxFile {
		err = fmt.Errorf("it is longer than %d MiB", maxFile>>20)
	}
	return file{path: path, data: data, modified: info.ModTime(), err: err}
}
