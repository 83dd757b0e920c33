package audit

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/keybroker/keybroker/platform"
	"github.com/keybroker/keybroker/problem"
)

// Archive moves the months before the one named ("2026-05") from the log in dir to the
// directory to, which may be on another disk. The newest month stays. A file is removed
// only after its copy was read back. It returns the months that were moved, also with an
// error; the same call goes on where it stopped.
func Archive(dir, to, before string) (moved []string, err error) {
	if !isMonth(before) {
		return nil, fmt.Errorf("%q is not a month: write it as 2026-05", platform.Escape(before, MaxText))
	}
	list, err := months(dir)
	if err != nil {
		return nil, err
	}
	if err := makeDir(to); err != nil {
		return nil, err
	}
	if same, err := sameDir(dir, to); err != nil || same {
		return nil, errors.Join(err, problem.New("the archive cannot be the log's own directory", "name another one"))
	}
	for i, month := range list {
		if month >= before || i == len(list)-1 {
			break
		}
		if err := moveFile(filepath.Join(dir, fileOf(month)), filepath.Join(to, fileOf(month))); err != nil {
			return moved, err
		}
		moved = append(moved, month)
	}
	return moved, nil
}

func sameDir(a, b string) (bool, error) {
	first, err1 := os.Stat(a)
	second, err2 := os.Stat(b)
	if err := errors.Join(err1, err2); err != nil {
		return false, err
	}
	return os.SameFile(first, second), nil
}

func moveFile(from, to string) error {
	sum, err := copyFile(from, to)
	if errors.Is(err, fs.ErrExist) { // by an earlier call that was interrupted
		sum, err = sumOf(from)
	}
	if err != nil {
		return err
	}
	there, err := sumOf(to)
	if err != nil {
		return err
	}
	if there != sum {
		return problem.With(fmt.Errorf("%s is there already, and is not the same as %s", to, from), "name another directory, or move that file away")
	}
	if err := syncDir(filepath.Dir(to)); err != nil {
		return err
	}
	return os.Remove(from)
}

// copyFile makes a new file, and returns the hash of what it read. After an error there is
// no copy.
func copyFile(from, to string) (sum [sha256.Size]byte, err error) {
	source, err := openFile(from, os.O_RDONLY)
	if err != nil {
		return sum, err
	}
	defer source.Close()
	copied, err := openOwn(to, os.O_WRONLY|os.O_CREATE|os.O_EXCL)
	if err != nil {
		return sum, err
	}
	hash := sha256.New()
	_, err = io.Copy(io.MultiWriter(copied, hash), source)
	if err == nil {
		err = copied.Sync()
	}
	if err = errors.Join(err, copied.Close()); err != nil {
		return sum, errors.Join(err, os.Remove(to))
	}
	return [sha256.Size]byte(hash.Sum(nil)), nil
}

func sumOf(path string) (sum [sha256.Size]byte, err error) {
	file, err := openFile(path, os.O_RDONLY)
	if err != nil {
		return sum, err
	}
	defer file.Close()
	hash := sha256.New()
	if _, err := io.Copy(hash, file); err != nil {
		return sum, err
	}
	return [sha256.Size]byte(hash.Sum(nil)), nil
}
