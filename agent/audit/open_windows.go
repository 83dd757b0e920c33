package audit

import "os"

func openFile(path string, flags int) (*os.File, error) {
	file, err := os.OpenFile(path, flags, fileMode)
	return file, wrap(err)
}

func openOwn(path string, flags int) (*os.File, error) { return openFile(path, flags) }

// closeToOthers does nothing: what the user's profile holds is the user's alone.
func closeToOthers(string) error { return nil }

// truncate cuts file to size. A file that is open for appending only may not
// be cut on Windows, but its name may.
func truncate(file *os.File, size int64) error { return wrap(os.Truncate(file.Name(), size)) }
