package softkeys

import (
	"io/fs"
	"os"
)

func openNonblocking(path string) (*os.File, error) { return os.Open(path) }

// checkPrivate accepts any file: mode bits do not show Windows' access lists.
// Files in the user's profile are private by default.
func checkPrivate(fs.FileInfo) error { return nil }
