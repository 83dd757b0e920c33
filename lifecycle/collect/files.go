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

const (
	// maxFile bounds a file of authorised keys: 100,000 lines of the usual length.
	maxFile = 64 << 20
	// maxFiles and maxAll bound what is read for one account, whose user may have any
	// number of files where sshd takes a pattern, and files with nothing in them that are long.
	maxFiles = 1000
	maxAll   = 2 * maxFile
)

// file is what was read of one path.
type file struct {
	path     string
	data     []byte
	modified time.Time
	err      error
}

// readFiles reads with the rights of the thread (see asUser).
func readFiles(paths []string, version authorized.Version) (files []file) {
	left := int64(maxAll)
	for _, path := range paths {
		matches := []string{path}
		if globs(version, path) {
			matches, _ = filepath.Glob(path)
		}
		for _, match := range matches {
			if match != path && strings.HasPrefix(filepath.Base(match), ".") {
				continue // glob(3) leaves them out
			}
			if len(files) == maxFiles {
				return append(files, file{path: path, err: fmt.Errorf("the account has more than %d files", maxFiles)})
			}
			next := readFile(match, min(left, maxFile))
			left -= int64(len(next.data))
			files = append(files, next)
		}
	}
	return files
}

func readFile(path string, limit int64) file {
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
	data, err := io.ReadAll(io.LimitReader(opened, limit+1))
	if err == nil && int64(len(data)) > limit {
		data, err = nil, fmt.Errorf("it is longer than what is read: %d MiB of a file, %d MiB of an account", maxFile>>20, maxAll>>20)
	}
	return file{path: path, data: data, modified: info.ModTime(), err: err}
}
