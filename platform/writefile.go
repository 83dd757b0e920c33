package platform

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

// WriteFileAtomic replaces the file at path, or makes it: whoever reads it,
// after a power cut too, finds the old contents or the new, whole. The file
// gets exactly mode, whatever the umask. A symbolic link at path is replaced,
// not followed.
func WriteFileAtomic(path string, data []byte, mode os.FileMode) error {
	return writeFile(path, data, mode, os.Rename)
}

// WriteNewFile is WriteFileAtomic for a file that must not be there yet: it
// returns an error that is fs.ErrExist when something is, and leaves that
// alone. The file system must know hard links.
func WriteNewFile(path string, data []byte, mode os.FileMode) error {
	return writeFile(path, data, mode, func(temp, path string) error {
		err := os.Link(temp, path) // unlike rename it never replaces
		if link, ok := errors.AsType[*os.LinkError](err); ok {
			return link.Err // whose text leaves out the temporary name
		}
		if err != nil {
			return err
		}
		return os.Remove(temp)
	})
}

func writeFile(path string, data []byte, mode os.FileMode, publish func(temp, path string) error) error {
	temp, err := writeTemp(path, data, mode)
	if err == nil {
		if err = publish(temp, path); err != nil {
			os.Remove(temp)
		} else {
			err = syncDir(filepath.Dir(path))
		}
	}
	if err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	return nil
}

// writeTemp makes a file beside path with mode 0600, which nobody else can
// open before it has its contents and its final mode.
func writeTemp(path string, data []byte, mode os.FileMode) (string, error) {
	f, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".*.tmp")
	if err != nil {
		return "", err
	}
	_, err = f.Write(data)
	if err == nil {
		err = f.Chmod(mode)
	}
	if err == nil {
		err = f.Sync()
	}
	if e := f.Close(); err == nil {
		err = e
	}
	if err != nil {
		os.Remove(f.Name())
		return "", err
	}
	return f.Name(), nil
}
