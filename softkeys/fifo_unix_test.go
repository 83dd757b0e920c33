//go:build unix

package softkeys

import (
	"os"
	"syscall"
)

func makeFIFO(path string) error {
	os.Remove(path)
	return syscall.Mkfifo(path, 0o600)
}
