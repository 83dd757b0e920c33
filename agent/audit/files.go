package audit

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/keybroker/keybroker/platform"
)

const (
	filePrefix = "audit-"
	fileSuffix = ".jsonl"
	lockName   = "lock"

	dirMode  = 0o700
	fileMode = 0o600
)

// LockPath is the file whose lock the program that writes the log in dir holds.
func LockPath(dir string) string { return filepath.Join(dir, lockName) }

// monthForm is the month in a file's name: "2026-11".
const monthForm = "2006-01"

func monthOf(t time.Time) string { return t.UTC().Format(monthForm) }

func isMonth(text string) bool {
	_, err := time.Parse(monthForm, text)
	return err == nil
}

func fileOf(month string) string { return filePrefix + month + fileSuffix }

// months lists the months that have a file in dir, in order. A missing directory
// has none.
func months(dir string) ([]string, error) {
	entries, err := os.ReadDir(dir) // sorted by name
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var list []string
	for _, entry := range entries {
		name := entry.Name()
		if len(name) != len(fileOf(monthForm)) || fileOf(name[len(filePrefix):len(name)-len(fileSuffix)]) != name {
			continue
		}
		if month := name[len(filePrefix) : len(name)-len(fileSuffix)]; isMonth(month) {
			list = append(list, month)
		}
	}
	return list, nil
}

// makeDir makes dir accessible to this user only. It does not follow a link at
// dir, and refuses a parent directory where others could put one.
func makeDir(dir string) error {
	if err := platform.CheckTrustedDir(filepath.Dir(dir)); err != nil {
		return err
	}
	if err := os.MkdirAll(dir, dirMode); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	return restrictDir(dir)
}

// openAppend opens the file of a month for appending, or makes it. The name of a
// new file is on the disk before anything is written to it.
func openAppend(dir, month string) (*os.File, error) {
	path := filepath.Join(dir, fileOf(month))
	file, err := openOwn(path, os.O_WRONLY|os.O_APPEND)
	if !errors.Is(err, fs.ErrNotExist) {
		return file, err
	}
	file, err = openOwn(path, os.O_WRONLY|os.O_APPEND|os.O_CREATE|os.O_EXCL)
	if err != nil {
		return nil, err
	}
	if err := syncDir(dir); err != nil {
		file.Close()
		return nil, err
	}
	return file, nil
}
