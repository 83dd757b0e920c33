//go:build unix

package inventory

import (
	"os"
	"syscall"
)

// hasModes: permission bits say who may read a file.
const hasModes = true

// openWithoutWaiting opens a file: a FIFO would block until somebody writes.
func openWithoutWaiting(path string) (*os.File, error) {
	return os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK|syscall.O_NOCTTY, 0)
}
