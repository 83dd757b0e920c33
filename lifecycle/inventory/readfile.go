package inventory

import (
	"fmt"
	"io"
	"io/fs"
	"os"
)

// readFile reads a regular file of at most limit bytes. It follows links, as ssh does.
func readFile(path string, limit int64) ([]byte, fs.FileInfo, error) {
	info, err := os.Stat(path) // first: to open a device can have effects
	if err == nil {
		err = checkRegular(path, info, limit)
	}
	if err != nil {
		return nil, nil, err
	}
	file, err := openWithoutWaiting(path)
	if err != nil {
		return nil, nil, err
	}
	defer file.Close()
	if info, err = file.Stat(); err == nil {
		err = checkRegular(path, info, limit)
	}
	if err != nil {
		return nil, nil, err
	}
	content, err := io.ReadAll(io.LimitReader(file, limit+1))
	if err == nil && int64(len(content)) > limit {
		err = tooLarge(path, limit)
	}
	return content, info, err
}

func checkRegular(path string, info fs.FileInfo, limit int64) error {
	switch {
	case !info.Mode().IsRegular():
		return fmt.Errorf("%s is not a regular file", path)
	case info.Size() > limit:
		return tooLarge(path, limit)
	}
	return nil
}

func tooLarge(path string, limit int64) error {
	return fmt.Errorf("%s has more than %d bytes", path, limit)
}
