package inventory

import "os"

// hasModes: Windows' access lists say who may read a file, not permission bits.
const hasModes = false

func openWithoutWaiting(path string) (*os.File, error) { return os.Open(path) }
