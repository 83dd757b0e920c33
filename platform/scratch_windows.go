package platform

import (
	"io/fs"
	"os"
)

// Windows has no lock of a directory: what a killed process leaves stays in the user's
// own temporary directory, which the system cleans.

func lockScratch(string) (*os.File, error) { return nil, nil }

func deadScratch(string, fs.FileInfo) (*os.File, bool) { return nil, false }
