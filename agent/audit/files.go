package audit

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"time"
)

const (
	filePrefix = "audit-"
	fileSuffix = ".jsonl"
	lockName   = "lock"

	dirMode  = 0o700
	fileMode = 0o600
)

var monthPattern = regexp.MustCompile(`^\d{4}-\d{2}$`)

// monthOf is the month that a file is named after: "2026-11".
func monthOf(t time.Time) string { return t.UTC().Format("2006-01") }

func fileOf(month string) string { return filePrefix + month + fileSuffix }

// months lists the months that dir holds files of, in order. A directory that
// does not exist holds none.
func months(dir string) ([]string, error) {
	entries, err := os.ReadDir(dir) // sorted by name
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("audit: %w", err)
	}
	var list []string
	for _, entry := range entries {
		name := entry.Name()
		if len(name) != len(fileOf("2006-01")) || fileOf(name[len(filePrefix):len(name)-len(fileSuffix)]) != name {
			continue
		}
		if month := name[len(filePrefix) : len(name)-len(fileSuffix)]; monthPattern.MatchString(month) {
			list = append(list, month)
		}
	}
	return list, nil
}

// makeDir makes dir, and takes away what others may do in it.
func makeDir(dir string) error {
	if err := os.MkdirAll(dir, dirMode); err != nil {
		return fmt.Errorf("audit: %w", err)
	}
	info, err := os.Stat(dir)
	if err != nil {
		return fmt.Errorf("audit: %w", err)
	}
	if info.Mode().Perm() != dirMode {
		if err := os.Chmod(dir, dirMode); err != nil {
			return fmt.Errorf("audit: the directory is open to others: %w", err)
		}
	}
	return nil
}

// openAppend opens the file of a month for appending and makes it when it is
// not there; a new name is made to last before anything is written under it.
func openAppend(dir, month string) (*os.File, error) {
	path := filepath.Join(dir, fileOf(month))
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_APPEND, 0)
	if !errors.Is(err, fs.ErrNotExist) {
		return file, wrap(err)
	}
	file, err = os.OpenFile(path, os.O_WRONLY|os.O_APPEND|os.O_CREATE|os.O_EXCL, fileMode)
	if err != nil {
		return nil, wrap(err)
	}
	if err := syncDir(dir); err != nil {
		file.Close()
		return nil, wrap(err)
	}
	return file, nil
}

// truncate cuts file to size. On Windows a file that is open for appending
// only may not be cut, but its name may.
func truncate(file *os.File, size int64) error {
	if file.Truncate(size) == nil {
		return nil
	}
	return wrap(os.Truncate(file.Name(), size))
}

func wrap(err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("audit: %w", err)
}
