package audit

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
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
		return nil, err
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

// makeDir makes dir, and takes away what others may do in it. It follows no
// link at dir, and refuses a place where others could put one.
func makeDir(dir string) error {
	if err := platform.CheckTrustedDir(filepath.Dir(dir)); err != nil {
		return wrap(err)
	}
	if err := os.MkdirAll(dir, dirMode); err != nil && !errors.Is(err, fs.ErrExist) {
		return wrap(err)
	}
	return closeToOthers(dir)
}

// openAppend opens the file of a month for appending and makes it when it is
// not there; a new name is made to last before anything is written under it.
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
		return nil, wrap(err)
	}
	return file, nil
}

func wrap(err error) error {
	if err == nil {
		return nil
	}
	return err
}
