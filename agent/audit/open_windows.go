package audit

import "os"

func openFile(path string, flags int) (*os.File, error) {
	file, err := os.OpenFile(path, flags, fileMode)
	return file, err
}

func openOwn(path string, flags int) (*os.File, error) { return openFile(path, flags) }

// restrictDir does nothing: only the user has access to the user's profile.
func restrictDir(string) error { return nil }

// truncate cuts file to size. Windows does not cut a file that is open only for
// appending, but does by its name.
func truncate(file *os.File, size int64) error { return os.Truncate(file.Name(), size) }
