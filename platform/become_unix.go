//go:build unix

package platform

import (
	"os"
	"syscall"
)

// Become replaces this process by another program. It returns only when that
// failed.
func Become(program string, args ...string) error {
	return syscall.Exec(program, append([]string{program}, args...), os.Environ())
}
